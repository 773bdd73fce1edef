//! What the files of a crate say outside of their tests and comments: which paths, which names and texts.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, LitStr, Macro, Meta, UseTree, Visibility};

use crate::tidy::{files, name, read, root};

/// `main.rs` or `lib.rs`: what stands there itself, not in one of the modules.
pub(crate) const ROOT: &str = "the root";

/// Where something is said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// A path as it is written, and the module that it is written in.
pub(crate) struct Mention {
    pub(crate) module: Vec<String>,
    path: Vec<String>,
    pub(crate) place: Place,
}

/// What the files of a crate say outside of their tests and their comments.
#[derive(Default)]
pub(crate) struct Code {
    /// The modules that stand directly below the root.
    modules: BTreeSet<String>,
    /// What the root names by `use`: as it is called there, and where it is.
    names: BTreeMap<String, Vec<String>>,
    pub(crate) mentions: Vec<Mention>,
    /// Names and texts.
    pub(crate) words: Vec<(Place, String)>,
}

impl Code {
    pub(crate) fn of(package: &str) -> Self {
        let paths = files(&root().join(package).join("src"), "rs");
        let texts = paths.iter().map(|path| (name(path), read(path))).collect();
        Self::in_files(&format!("{package}/src/"), &texts)
    }

    /// `texts` has each file's by its path, `folder` is where the root stands.
    pub(crate) fn in_files(folder: &str, texts: &BTreeMap<String, String>) -> Self {
        let mut reader = Reader {
            texts,
            file: String::new(),
            folder: folder.to_owned(),
            module: Vec::new(),
            code: Self::default(),
        };
        for root in ["lib.rs", "main.rs"].map(|root| format!("{folder}{root}")) {
            if texts.contains_key(&root) {
                reader.read(&root);
            }
        }
        reader.code
    }

    /// The module directly below the root that a path leads to; none where it leads out of the crate.
    pub(crate) fn target(&self, mention: &Mention) -> Option<String> {
        let path = self.absolute(&mention.module, &mention.path)?;
        let first = path.first()?;
        assert_ne!(first, "*", "{:?}: name what you use of the root", mention.place);
        if self.modules.contains(first) {
            return Some(first.clone());
        }
        match self.names.get(first) {
            // It is from another crate where this leads nowhere.
            Some(path) => self.absolute(&[], path)?.into_iter().next(),
            None => Some(ROOT.to_owned()),
        }
    }

    /// A path that is written in `module`, as one from the root of the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut module = module.to_vec();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (module, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {}
            // Elsewhere a name without one of these is of another crate, of something that is brought in by
            // `use`, or of a module within the same one.
            first if module.is_empty() && self.modules.contains(first) => {}
            _ => return None,
        }
        while rest.first().is_some_and(|segment| segment == "super") {
            module.pop();
            rest = &rest[1..];
        }
        module.extend_from_slice(rest);
        Some(module)
    }
}

/// Reads a crate, file by file as they are declared.
struct Reader<'a> {
    texts: &'a BTreeMap<String, String>,
    file: String,
    /// Where the files of this module's modules stand.
    folder: String,
    module: Vec<String>,
    code: Code,
}

impl Reader<'_> {
    fn read(&mut self, file: &str) {
        let outer = mem::replace(&mut self.file, file.to_owned());
        let syntax = syn::parse_file(&self.texts[file]);
        self.visit_file(&syntax.unwrap_or_else(|error| panic!("{file}: {error}")));
        self.file = outer;
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.file.clone(), line: span.start().line }
    }

    fn mention(&mut self, path: Vec<String>, span: Span) {
        let place = self.place(span);
        self.code.mentions.push(Mention { module: self.module.clone(), path, place });
    }

    fn word(&mut self, word: String, span: Span) {
        let place = self.place(span);
        self.code.words.push((place, word));
    }

    /// What a macro or an attribute is given, which need not be Rust: its names, texts and paths.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(ident) => {
                    self.word(ident.to_string(), ident.span());
                    let path = path_at(&tokens[at..]);
                    if path.len() > 1
                        && !matches!(&tokens[..at], [.., a, b] if is_colon(a) && is_colon(b))
                    {
                        self.mention(path, ident.span());
                    }
                }
                TokenTree::Literal(literal) => self.word(literal.to_string(), literal.span()),
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Each path of a `use`, after `prefix`.
    fn use_tree(&mut self, prefix: &[String], tree: &UseTree, public: bool) {
        let with = |ident: &Ident| [prefix, &[ident.to_string()]].concat();
        let (path, called) = match tree {
            UseTree::Path(tree) => return self.use_tree(&with(&tree.ident), &tree.tree, public),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.use_tree(prefix, tree, public));
            }
            UseTree::Name(tree) if tree.ident == "self" => {
                (prefix.to_vec(), prefix.last().cloned())
            }
            UseTree::Name(tree) => (with(&tree.ident), Some(tree.ident.to_string())),
            UseTree::Rename(tree) if tree.ident == "self" => {
                (prefix.to_vec(), Some(tree.rename.to_string()))
            }
            UseTree::Rename(tree) => (with(&tree.ident), Some(tree.rename.to_string())),
            UseTree::Glob(_) => ([prefix, &["*".to_owned()]].concat(), None),
        };
        let in_root = self.module.is_empty();
        if let (true, Some(called)) = (in_root, called) {
            self.code.names.insert(called, path.clone());
        }
        // What the root only hands on, it does not need.
        if !(in_root && public) {
            self.mention(path, tree.span());
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs[..],
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let module = item.ident.to_string();
        self.visit_ident(&item.ident);
        if self.module.is_empty() {
            self.code.modules.insert(module.clone());
        }
        let folder = format!("{}{module}/", self.folder);
        let beside = format!("{}{module}.rs", self.folder);
        let outer = mem::replace(&mut self.folder, folder);
        self.module.push(module);
        match &item.content {
            Some((_, items)) => items.iter().for_each(|item| self.visit_item(item)),
            None if self.texts.contains_key(&beside) => self.read(&beside),
            None => self.read(&format!("{}mod.rs", self.folder)),
        }
        self.module.pop();
        self.folder = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            self.use_tree(&[], &item.tree, matches!(item.vis, Visibility::Public(_)));
        }
        visit::visit_item_use(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string());
            self.mention(segments.collect(), path.span());
        }
        visit::visit_path(self, path);
    }

    /// The path in `pub(crate)` depends on nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            meta if meta.path().is_ident("doc") => {}
            Meta::List(list) => self.tokens(list.tokens.clone()),
            meta => visit::visit_meta(self, meta),
        }
    }

    fn visit_ident(&mut self, ident: &'ast Ident) {
        self.word(ident.to_string(), ident.span());
    }

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.word(text.value(), text.span());
    }
}

/// The path that `tokens` begin with.
fn path_at(tokens: &[TokenTree]) -> Vec<String> {
    let mut path = Vec::new();
    let mut rest = tokens;
    while let [TokenTree::Ident(ident), after @ ..] = rest {
        path.push(ident.to_string());
        rest = match after {
            [a, b, after @ ..] if is_colon(a) && is_colon(b) => after,
            _ => break,
        };
    }
    path
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// Whether something is there in tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        meta => meta.path().is_ident("test"),
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
