//! Tells the linker what librmq_mock.so is called.
//!
//! cargo hands the cdylib arguments of a dependency on to whoever depends on it: first a package's own, then those of its
//! dependencies in the order of their names. So rmq's SONAME would win over one that the mock's own build script sets,
//! but not over this one.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match os.as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librmq_mock.so.0");
        }
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/librmq_mock.0.dylib"),
        _ => {}
    }
}
