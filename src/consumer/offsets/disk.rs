//! The file of a broadcasting consumer's offsets on the disk. Everything here blocks.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::local_file::{Found, Read, choose};
use crate::error::{Error, ErrorKind, Result};

/// One consumer's file, and the lock on its folder. The lock is the kernel's: it ends with the process, however
/// that ends, and leaves no file behind.
pub(super) struct Disk {
    file: PathBuf,
    /// Open and, where the file system can, locked; `None` while there is no such folder.
    folder: Option<File>,
    present: Present,
}

/// The file as it is now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Present {
    Absent,
    /// Worth being the next backup.
    Good,
    /// Not to take the backup's place; kept beside it, for somebody to look at.
    Bad,
}

/// What an attempt to open brought.
pub(super) struct Opened {
    pub(super) found: Found,
    /// Why nothing could be written now.
    pub(super) trouble: Option<Error>,
}

impl Disk {
    pub(super) fn new(file: PathBuf) -> Disk {
        Disk { file, folder: None, present: Present::Absent }
    }

    /// Makes and locks the folder and reads what is there. Only a lock that somebody else holds is an error.
    pub(super) fn open(&mut self) -> Result<Opened> {
        let trouble = match self.enter() {
            Err(error) if error.kind() == ErrorKind::DuplicateClient => return Err(error),
            entered => entered.err(),
        };
        let found = choose(read(&self.file), read(&self.beside("bak")));
        self.present = match &found {
            Found::Offsets(_) => Present::Good,
            Found::Nothing | Found::Backup(_, None) => Present::Absent,
            Found::Backup(_, Some(_)) | Found::Bad(..) => Present::Bad,
        };
        Ok(Opened { found, trouble })
    }

    /// Puts a text in the file's place, at once as a whole, and keeps the one before as the backup.
    pub(super) fn save(&mut self, text: &str) -> Result<()> {
        self.enter()?;
        let mut written = self.write(text);
        if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            // Somebody removed the folder.
            self.folder = None;
            self.enter()?;
            written = self.write(text);
        }
        written.map_err(|error| self.failed(&error))
    }

    /// Lets the next consumer have the file.
    pub(super) fn release(&mut self) {
        if let Some(folder) = self.folder.take() {
            // Closing would do, were there not a child of this process that has the same open folder.
            let _ = folder.unlock();
        }
    }

    fn enter(&mut self) -> Result<()> {
        if self.folder.is_some() {
            return Ok(());
        }
        let path = self.file.parent().unwrap_or(Path::new("/"));
        let folder = fs::create_dir_all(path).and_then(|()| File::open(path));
        let folder = folder.map_err(|error| self.failed(&error))?;
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let text = format!(
                    "{}: another consumer keeps its offsets in it; give each its own instance.name",
                    self.file.display()
                );
                return Err(Error::new(ErrorKind::DuplicateClient, text));
            }
            // A file system without locks is no reason not to consume.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        self.folder = Some(folder);
        Ok(())
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let new = self.beside("tmp");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let before = match self.present {
            Present::Absent => None,
            Present::Good => Some("bak"),
            Present::Bad => Some("corrupt"),
        };
        if let Some(name) = before {
            match fs::rename(&self.file, self.beside(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.present = Present::Absent,
            }
        }
        fs::rename(&new, &self.file)?;
        self.present = Present::Good;
        if let Some(folder) = &self.folder {
            // Makes the names last through a power failure, where the file system can.
            let _ = folder.sync_all();
        }
        Ok(())
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.file.with_extension(format!("json.{name}"))
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("{}: {error}", self.file.display()))
    }
}

fn read(path: &Path) -> Read {
    match fs::read(path) {
        Ok(text) => Read::Text(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Read::Absent,
        Err(error) => Read::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::offsets::local_file::{Offsets, text};
    use crate::message::MessageQueue;

    /// A folder of its own for each test, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("rmq-disk-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Folder(path)
        }

        fn file(&self) -> PathBuf {
            self.0.join("id/group/offsets.json")
        }

        fn disk(&self) -> Disk {
            Disk::new(self.file())
        }

        fn text(&self, ending: &str) -> String {
            fs::read_to_string(self.file().with_extension(ending)).unwrap_or_default()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn one(offset: i64) -> Offsets {
        Offsets::from([(MessageQueue { topic: "T".into(), broker: "b".into(), id: 0 }, offset)])
    }

    #[test]
    fn what_is_saved_is_found_and_the_one_before_is_the_backup() {
        let folder = Folder::new("saved");
        let mut disk = folder.disk();
        let opened = disk.open().unwrap();
        assert!(opened.found == Found::Nothing && opened.trouble.is_none());
        disk.save(&text(&one(1))).unwrap();
        assert_eq!(folder.text("json.bak"), "");
        disk.save(&text(&one(2))).unwrap();
        assert_eq!((folder.text("json"), folder.text("json.bak")), (text(&one(2)), text(&one(1))));
        assert_eq!(folder.text("json.tmp"), "");
        disk.release();
        assert_eq!(folder.disk().open().unwrap().found, Found::Offsets(one(2)));
    }

    #[test]
    fn a_corrupt_file_does_not_take_the_backups_place() {
        let folder = Folder::new("corrupt");
        let mut disk = folder.disk();
        disk.save(&text(&one(1))).unwrap();
        disk.save(&text(&one(2))).unwrap();
        disk.release();
        fs::write(folder.file(), "{\"offs").unwrap();
        let mut disk = folder.disk();
        let Found::Backup(offsets, Some(_)) = disk.open().unwrap().found else { panic!("not the backup") };
        assert_eq!(offsets, one(1));
        disk.save(&text(&one(3))).unwrap();
        assert_eq!(folder.text("json.corrupt"), "{\"offs");
        assert_eq!((folder.text("json"), folder.text("json.bak")), (text(&one(3)), text(&one(1))));
        disk.save(&text(&one(4))).unwrap();
        assert_eq!(folder.text("json.bak"), text(&one(3)));
    }

    #[test]
    fn one_at_a_time_has_the_file() {
        let folder = Folder::new("lock");
        let (mut first, mut second) = (folder.disk(), folder.disk());
        first.open().unwrap();
        let error = second.open().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::DuplicateClient);
        assert!(error.text().contains(&*folder.file().to_string_lossy()), "{error}");
        assert_eq!(second.save("x").unwrap_err().kind(), ErrorKind::DuplicateClient);
        first.release();
        assert!(second.open().is_ok());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_and_tried_again() {
        let folder = Folder::new("blocked");
        fs::write(&folder.0, "in the way").unwrap();
        let mut disk = folder.disk();
        let opened = disk.open().unwrap();
        assert_eq!(opened.trouble.map(|error| error.kind()), Some(ErrorKind::Io));
        assert!(disk.save("x").is_err());
        fs::remove_file(&folder.0).unwrap();
        disk.save("x").unwrap();
        fs::remove_dir_all(&folder.0).unwrap();
        disk.save("y").unwrap();
        assert_eq!(folder.text("json"), "y");
    }
}
