//! Merkle tree of RFC 6962 over the hashes of journal entries. Only its right edge is kept, which is enough to add a leaf
//! and to compute the root.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::hex;
use crate::record::ChainHash;

/// Prefix of a leaf's hash, so that no inner node can pass as a leaf.
const LEAF: [u8; 1] = [0];
/// Prefix of an inner node's hash.
const NODE: [u8; 1] = [1];

const HASH_BYTES: usize = 32;

/// Hash of a node of the tree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TreeHash([u8; HASH_BYTES]);

/// Merkle tree, as far as its next leaf and its root depend on it. A leaf is the hash of a journal entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MerkleTree {
    size: u64,
    /// Hashes of the complete subtrees, the largest first. There is one for each bit of `size`, so at most 64.
    right_edge: Vec<TreeHash>,
}

impl TreeHash {
    pub fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    fn of_leaf(entry: ChainHash) -> Self {
        Self(Sha256::new().chain_update(LEAF).chain_update(entry.as_bytes()).finalize().into())
    }

    fn of_node(left: Self, right: Self) -> Self {
        Self(Sha256::new().chain_update(NODE).chain_update(left.0).chain_update(right.0).finalize().into())
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl MerkleTree {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of a journal entry as the last leaf.
    pub fn push(&mut self, entry: ChainHash) {
        let mut node = TreeHash::of_leaf(entry);
        // Each trailing one bit of the size is a complete subtree as large as the node on its right.
        for _ in 0..self.size.trailing_ones() {
            let left = self.right_edge.pop().unwrap_or(node);
            node = TreeHash::of_node(left, node);
        }
        self.right_edge.push(node);
        self.size += 1;
    }

    /// Returns the root. That of an empty tree is the hash of no bytes.
    pub fn root(&self) -> TreeHash {
        let mut subtrees = self.right_edge.iter().rev().copied();
        let Some(smallest) = subtrees.next() else { return TreeHash(Sha256::digest([]).into()) };
        subtrees.fold(smallest, |right, left| TreeHash::of_node(left, right))
    }

    /// Returns the bytes of the right edge, the largest subtree first.
    pub fn right_edge_bytes(&self) -> Vec<u8> {
        self.right_edge.iter().flat_map(|hash| hash.0).collect()
    }

    /// Rebuilds a tree. Returns `None` if the bytes can't be the right edge of a tree of this size.
    pub fn from_right_edge(size: u64, bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        let is_complete = rest.is_empty() && hashes.len() == size.count_ones() as usize;
        is_complete.then(|| Self { size, right_edge: hashes.iter().copied().map(TreeHash).collect() })
    }

    /// Parses the text of a tree. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (size, hashes) = text.split_once(':')?;
        let hashes = hashes.split(',').filter(|hash| !hash.is_empty()).map(ChainHash::from_hex);
        let right_edge: Vec<TreeHash> =
            hashes.map(|hash| hash.map(|hash| TreeHash(*hash.as_bytes()))).collect::<Option<_>>()?;
        let tree = Self { size: size.parse().ok()?, right_edge };
        (tree.right_edge.len() == tree.size.count_ones() as usize && tree.to_string() == text).then_some(tree)
    }
}

/// Text of a tree: its size, a colon, and the hashes of the right edge in hexadecimal, separated by commas.
impl fmt::Display for MerkleTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hashes: Vec<String> = self.right_edge.iter().map(|hash| hex(&hash.0)).collect();
        write!(f, "{}:{}", self.size, hashes.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(number: u64) -> ChainHash {
        ChainHash::of_text(&number.to_string())
    }

    /// The definition of RFC 6962, section 2.1, without a right edge.
    fn root_by_definition(leaves: &[ChainHash]) -> TreeHash {
        match leaves {
            [] => TreeHash(Sha256::digest([]).into()),
            [leaf] => TreeHash::of_leaf(*leaf),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                TreeHash::of_node(root_by_definition(left), root_by_definition(right))
            }
        }
    }

    #[test]
    fn root_is_that_of_rfc_6962_for_every_size() {
        let (mut tree, mut leaves) = (MerkleTree::default(), Vec::new());
        for number in 0..70 {
            assert_eq!(tree.root(), root_by_definition(&leaves), "{number} leaves");
            assert_eq!(MerkleTree::from_right_edge(number, &tree.right_edge_bytes()), Some(tree.clone()));
            assert_eq!(MerkleTree::parse(&tree.to_string()), Some(tree.clone()));
            leaves.push(leaf(number));
            tree.push(leaf(number));
        }
    }

    /// Roots were signed, so the hashes must not change.
    #[test]
    fn roots_are_stable() {
        let mut tree = MerkleTree::default();
        assert_eq!(format!("{:?}", tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        (0..3).for_each(|number| tree.push(leaf(number)));
        assert_eq!(format!("{:?}", tree.root()), "8be871f13785b4c81a1700459c76ac2b3ae2caebb7876c376e223c6adff98c47");
    }

    #[test]
    fn edge_of_another_size_is_refused() {
        let mut tree = MerkleTree::default();
        (0..3).for_each(|number| tree.push(leaf(number)));
        let bytes = tree.right_edge_bytes();
        assert_eq!(MerkleTree::from_right_edge(4, &bytes), None);
        assert_eq!(MerkleTree::from_right_edge(3, &bytes[1..]), None);
        for text in ["", "3", "3:", "0:,", "+0:", "1:AB", &tree.to_string().to_uppercase(), &format!("{tree},")] {
            assert_eq!(MerkleTree::parse(text), None, "{text}");
        }
        assert_eq!(MerkleTree::parse("0:"), Some(MerkleTree::default()));
    }
}
