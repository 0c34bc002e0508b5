//! Rules about imports: no two files of a crate import each other, and what the doors stand on names no door.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, Ident, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Macro, Path, UseTree, Visibility};

use crate::project::files;

const DOORS: [&str; 7] = [
    "handrail_audit",
    "handrail_decisions",
    "handrail_docs",
    "handrail_kinds",
    "handrail_packets",
    "handrail_routes",
    "handrail_slack",
];
/// Folders of the crates that serve every door alike.
const DOORLESS_FOLDERS: [&str; 9] = [
    "shared/domain/",
    "shared/platform/",
    "shared/store/",
    "shared/secrets/",
    "shared/context/",
    "shared/records/",
    "shared/access/",
    "shared/packet-records/",
    "shared/web/",
];

#[test]
fn no_two_files_import_each_other() {
    let sources = files();
    assert!(crate_roots(&sources).count() > 20, "the crates were not found");
    let pairs = mutual_imports(&sources);
    assert!(pairs.is_empty(), "{} pairs of files import each other:\n{}", pairs.len(), pairs.join("\n"));
}

#[test]
fn shared_crates_name_no_door() {
    let mut checked = 0;
    for (path, text) in files() {
        if path.ends_with(".rs") && DOORLESS_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            checked += 1;
            let doors = doors_in(&text);
            assert!(doors.is_empty(), "{path} names {doors:?}");
        }
    }
    assert!(checked > 100, "the shared crates were not found");
}

/// Returns the pairs of files that import each other, outside tests. A re-exported item counts as an import of the file
/// that re-exports the item.
fn mutual_imports(sources: &BTreeMap<String, String>) -> Vec<String> {
    let mut imports = BTreeMap::new();
    for root in crate_roots(sources) {
        let mut tree = CrateTree { sources, modules: BTreeMap::new(), parsed: Vec::new() };
        tree.add_file(root, Vec::new());
        for (path, names, file) in &tree.parsed {
            let mut visitor =
                ImportVisitor { modules: &tree.modules, path, current: names.clone(), imported: BTreeSet::new() };
            visitor.visit_file(file);
            imports.entry(path.clone()).or_insert_with(BTreeSet::new).extend(visitor.imported);
        }
    }
    let mut pairs = Vec::new();
    for (path, imported) in &imports {
        for other in imported.iter().filter(|other| path < *other) {
            if imports.get(other).is_some_and(|back: &BTreeSet<String>| back.contains(path)) {
                pairs.push(format!("{path} and {other}"));
            }
        }
    }
    pairs
}

fn crate_roots(sources: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    sources.keys().map(String::as_str).filter(|path| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
}

/// Modules of one crate, without those of its tests.
struct CrateTree<'s> {
    sources: &'s BTreeMap<String, String>,
    /// File of each module, by the module's names from the root of the crate.
    modules: BTreeMap<Vec<String>, String>,
    /// Path, module names and syntax of each file.
    parsed: Vec<(String, Vec<String>, File)>,
}

impl CrateTree<'_> {
    fn add_file(&mut self, path: &str, names: Vec<String>) {
        let file = syn::parse_file(&self.sources[path]).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (folder, file_name) = path.rsplit_once('/').expect("a source is in a folder");
        let child_folder = match file_name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            other => format!("{folder}/{}", other.trim_end_matches(".rs")),
        };
        self.modules.insert(names.clone(), path.to_owned());
        self.add_modules(path, &child_folder, &names, &file.items);
        self.parsed.push((path.to_owned(), names, file));
    }

    fn add_modules(&mut self, path: &str, folder: &str, names: &[String], items: &[Item]) {
        for item in items {
            let Item::Mod(module) = item else { continue };
            if is_test_only(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let child_names = [names, std::slice::from_ref(&name)].concat();
            if let Some((_, inner_items)) = &module.content {
                self.modules.insert(child_names.clone(), path.to_owned());
                self.add_modules(path, &format!("{folder}/{name}"), &child_names, inner_items);
                continue;
            }
            let files = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
            let file = files.iter().find(|file| self.sources.contains_key(*file));
            let file = file.unwrap_or_else(|| panic!("{path} declares {name}, which has no file"));
            self.add_file(file, child_names);
        }
    }
}

/// Collects the files that one file imports: by `use`, or by a path in its code or in the arguments of a macro.
struct ImportVisitor<'m> {
    modules: &'m BTreeMap<Vec<String>, String>,
    path: &'m str,
    /// Names of the module that is visited.
    current: Vec<String>,
    imported: BTreeSet<String>,
}

impl ImportVisitor<'_> {
    /// Adds the file of the longest module path that `names` begins with. Names of other crates are left out.
    fn add_import(&mut self, names: &[String]) {
        let mut module = self.current.clone();
        let mut rest = names;
        match names.first().map(String::as_str) {
            Some("crate") => {
                module.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {}
            Some(name) if self.modules.contains_key(&[&module[..], &[name.to_owned()]].concat()) => {}
            Some(_) | None => return,
        }
        for name in rest {
            if name == "super" {
                module.pop();
                continue;
            }
            module.push(name.clone());
            if !self.modules.contains_key(&module) {
                module.pop();
                break;
            }
        }
        let file = &self.modules[&module];
        if file != self.path {
            self.imported.insert(file.clone());
        }
    }

    fn add_use_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_use_tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.add_import(&with(&name.ident)),
            UseTree::Rename(rename) => self.add_import(&with(&rename.ident)),
            UseTree::Glob(_) => self.add_import(before),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_use_tree(before, item)),
        }
    }

    /// Adds the paths of at least two names among the tokens of a macro.
    fn add_paths_in(&mut self, tokens: TokenStream) {
        let (mut names, mut colons): (Vec<String>, usize) = (Vec::new(), 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(&names);
                        names.clear();
                    }
                    names.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.add_path(&names);
                    names.clear();
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_paths_in(group.stream());
                    }
                }
            }
        }
        self.add_path(&names);
    }

    /// Adds a path in code. A single name is a local one.
    fn add_path(&mut self, names: &[String]) {
        if names.len() > 1 {
            self.add_import(names);
        }
    }
}

impl<'ast> Visit<'ast> for ImportVisitor<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if module.content.is_some() && !is_test_only(&module.attrs) {
            self.current.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.current.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_test_only(&item.attrs) {
            self.add_use_tree(&[], &item.tree);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_test_only(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if !is_test_only(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add_path(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.add_paths_in(called.tokens.clone());
        visit::visit_macro(self, called);
    }

    /// Visibilities and attributes import nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_test_only(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| attribute.parse_args::<Ident>().is_ok_and(|name| name == "test");
    attributes.iter().any(|attribute| attribute.path().is_ident("cfg") && is_test(attribute))
}

/// Returns the doors that the identifiers of a source name. Comments and texts may name them.
fn doors_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut pending = vec![text.parse::<TokenStream>().expect("a source consists of tokens")];
    while let Some(tokens) = pending.pop() {
        for token in tokens {
            match token {
                TokenTree::Group(group) => pending.push(group.stream()),
                TokenTree::Ident(ident) if DOORS.iter().any(|door| ident == door) => {
                    found.insert(ident.to_string());
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
    found
}

fn made_up_tree(parent: &str, child: &str) -> BTreeMap<String, String> {
    [("box/src/lib.rs", parent), ("box/src/lid.rs", child)]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into()
}

#[test]
fn mutual_imports_are_found() {
    for (parent, child) in [
        ("mod lid; pub use lid::Lid; pub struct Side;", "use crate::Side; pub struct Lid(Side);"),
        ("mod lid; pub struct Side(lid::Lid);", "use super::*; pub struct Lid(Side);"),
        ("mod lid; pub use self::lid::Lid; pub struct Side;", "pub fn open() -> crate::Side { crate::Side }"),
        (
            "mod lid; pub use lid::Lid; pub struct Side;",
            "pub struct Lid; fn show() { format!(\"{}\", super::name()); }",
        ),
        ("mod lid; mod inner { pub use super::lid::Lid; }", "use super::inner::{Lid as Other}; pub struct Lid;"),
    ] {
        assert_eq!(mutual_imports(&made_up_tree(parent, child)), ["box/src/lib.rs and box/src/lid.rs"], "{child}");
    }
}

#[test]
fn imports_in_one_direction_are_allowed() {
    for (parent, child) in [
        ("mod lid; pub use lid::Lid;", "use std::fmt; pub(crate) struct Lid;"),
        ("mod lid; pub struct Side;", "use crate::Side; pub(super) struct Lid(Side);"),
        ("mod lid; pub use lid::Lid; pub struct Side;", "pub struct Lid; #[cfg(test)] mod tests { use crate::Side; }"),
        ("mod lid; pub use lid::Lid; pub struct Side;", "//! Like `crate::Side`.\npub struct Lid; mod side {}"),
    ] {
        assert!(mutual_imports(&made_up_tree(parent, child)).is_empty(), "{child}");
    }
}

#[test]
fn doors_are_found_in_identifiers_only() {
    assert_eq!(doors_in("fn f() { g!(handrail_packets::X) }"), BTreeSet::from(["handrail_packets".to_owned()]));
    assert!(doors_in("/// As `handrail_packets` does.\nfn packets() { g(\"handrail_packets\") }").is_empty());
}
