//! The upload of files.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Hash;

/// Asks which contents the service lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskContents {
    /// At most 10,000.
    #[schema(max_items = 10000)]
    pub sha256: Vec<Hash>,
}

/// The contents that the service lacks, in the order of the question, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingContents {
    pub missing: Vec<MissingContent>,
}

/// A content that the service lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingContent {
    pub sha256: Hash,
    /// How many bytes of it have come already: send the rest.
    pub received: u64,
}

/// The answer to a body of many contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredContents {
    pub stored: u64,
}

/// The description of a body of bytes that are no JSON.
#[derive(Debug, Clone, Copy)]
pub struct Bytes;

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
            .description(Some("The bytes of a file"));
        schema.into()
    }
}

impl ToSchema for Bytes {}
