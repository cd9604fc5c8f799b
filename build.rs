//! Tells the linker what the shared library is called and that it stays loaded. Nothing else happens here.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match os.as_str() {
        "linux" | "android" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" => {
            // The number is rmq_abi_version().
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librmq.so.0");
            // Threads of the library outlive a dlclose.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/librmq.0.dylib"),
        _ => {}
    }
}
