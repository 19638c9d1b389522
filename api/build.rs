//! Generates the code of the gRPC services, with the feature `grpc` only: without it there is nothing to do.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(feature = "grpc")]
    generate()?;
    Ok(())
}

#[cfg(feature = "grpc")]
fn generate() -> Result<(), Box<dyn std::error::Error>> {
    use protox::prost::Message;
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["leasehold/v1/admission.proto"], ["proto"])?;
    let folder = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    // With the comments: the reference in docs/ is written from this.
    std::fs::write(folder.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
