//! Sets the cfg `with_tools` if `HANDRAIL_TOOLS` names the folder of outside tools. Without it the tests are ignored.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(with_tools)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HANDRAIL_TOOLS");
    if std::env::var_os("HANDRAIL_TOOLS").is_some() {
        println!("cargo::rustc-cfg=with_tools");
    }
}
