//! Tells the linker what librmq_mock.so is called, that it stays loaded, and what it keeps to itself.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if let "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" = os.as_str() {
        // As long as cargo hands on the arguments of dependencies, rmq's name would win; see mock/soname.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librmq_mock.so.0");
        // Threads of a cluster that nobody ended outlive a dlclose.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // The functions of librmq are linked in, and rustc exports them: a program's calls would reach this copy.
        // Only what comes from a crate's own archive is hidden, so this library is built without LTO.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
