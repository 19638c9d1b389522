//! Nodes.

use engine::spec::NodeSpec;
use k8s_openapi::api::core::v1::Node;

/// What the engine needs of a node, or what cannot be read in it.
pub fn see(node: &Node) -> Result<NodeSpec, String> {
    translate::node(node).map_err(super::watch::in_words)
}
