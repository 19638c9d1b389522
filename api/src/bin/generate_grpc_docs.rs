//! Writes the reference of the gRPC services to `docs/admission-api.md`, or into the file that is named, from the
//! comments in `proto/`.

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

// Field numbers in descriptor.proto, of which the paths of comments are made.
const FILE_MESSAGE: i32 = 4;
const FILE_SERVICE: i32 = 6;
const MESSAGE_FIELD: i32 = 2;
const SERVICE_METHOD: i32 = 2;

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../docs/admission-api.md"
            ))
        },
        PathBuf::from,
    );
    let page = match FileDescriptorSet::decode(api::grpc::DESCRIPTORS) {
        Ok(set) => set.file.iter().map(page).collect::<String>(),
        Err(error) => {
            eprintln!("Error: the compiled descriptors cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    match std::fs::write(&path, page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: cannot write {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// Comments by the path of what they stand at.
struct Comments<'a>(BTreeMap<&'a [i32], String>);

impl Comments<'_> {
    fn at(&self, path: &[i32]) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

fn page(file: &FileDescriptorProto) -> String {
    let locations = file
        .source_code_info
        .iter()
        .flat_map(|info| &info.location)
        .map(|location| {
            let text = location.leading_comments().split_whitespace();
            let text = text.collect::<Vec<_>>().join(" ");
            (location.path.as_slice(), text)
        });
    let comments = Comments(locations.collect());
    let mut page = format!(
        "# gRPC: `{}`\n\nGenerated from `api/proto/{}` by `cargo run -p leasehold-api --features grpc --bin \
         generate-grpc-docs`: change the comments there. Every port takes client certificates only, unless it is told \
         otherwise; see [the plugin's reference](scheduler-plugin-reference.md).\n",
        file.package(),
        file.name()
    );
    for (index, service) in (0..).zip(&file.service) {
        let path = [FILE_SERVICE, index];
        let _ = write!(
            page,
            "\n## Service `{}`\n{}\n\n| call | takes | answers | |\n| --- | --- | --- | --- |\n",
            service.name(),
            comments.at(&path)
        );
        for (at, method) in (0..).zip(&service.method) {
            let path = [FILE_SERVICE, index, SERVICE_METHOD, at];
            page.push_str(&method_row(method, comments.at(&path)));
        }
    }
    for (index, message) in (0..).zip(&file.message_type) {
        let path = [FILE_MESSAGE, index];
        let _ = write!(page, "\n## `{}`\n{}\n", message.name(), comments.at(&path));
        page.push_str(&fields(message, index, &comments));
    }
    page
}

fn method_row(method: &MethodDescriptorProto, comment: &str) -> String {
    let stream = |is_stream| if is_stream { "stream of " } else { "" };
    format!(
        "| `{}` | {}{} | {}{} | {comment} |\n",
        method.name(),
        stream(method.client_streaming()),
        link(method.input_type()),
        stream(method.server_streaming()),
        link(method.output_type()),
    )
}

fn fields(message: &DescriptorProto, index: i32, comments: &Comments) -> String {
    if message.field.is_empty() {
        return String::new();
    }
    let mut table = String::from("\n| field | number | type | |\n| --- | --- | --- | --- |\n");
    for (at, field) in (0..).zip(&message.field) {
        let path = [FILE_MESSAGE, index, MESSAGE_FIELD, at];
        let choice = field
            .oneof_index
            .filter(|_| !field.proto3_optional())
            .and_then(|one| message.oneof_decl.get(usize::try_from(one).ok()?))
            .map_or(String::new(), |one| format!(", one of `{}`", one.name()));
        let _ = writeln!(
            table,
            "| `{}` | {} | {}{choice} | {} |",
            field.name(),
            field.number(),
            type_of(field),
            comments.at(&path)
        );
    }
    table
}

fn type_of(field: &FieldDescriptorProto) -> String {
    let of = match field.r#type() {
        Type::Message => link(field.type_name()),
        other => other
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_lowercase(),
    };
    match field.label() {
        Label::Repeated => format!("list of {of}"),
        _ if field.proto3_optional() => format!("optional {of}"),
        _ => of,
    }
}

/// A message of this page.
fn link(full_name: &str) -> String {
    let name = full_name.rsplit('.').next().unwrap_or(full_name);
    format!("[`{name}`](#{})", name.to_lowercase())
}
