//! Any method of any service, called by its name with a request that holds nothing.

use bytes::{Buf as _, Bytes};
use tonic::{
    Request, Status,
    body::Body,
    client::{Grpc, GrpcService},
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming},
    codegen::{Body as HttpBody, StdError},
};

/// Calls a method, `isopolity.registry.v1.PlaceService/GetPlace`, and reads how the answer begins. What follows is left.
pub async fn call<S>(service: S, method: &str) -> Result<Streaming<Bytes>, Status>
where
    S: GrpcService<Body>,
    S::Error: Into<StdError>,
    S::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    <S::ResponseBody as HttpBody>::Error: Into<StdError> + Send,
{
    let mut client = Grpc::new(service);
    client.ready().await.map_err(|error| Status::unknown(error.into().to_string()))?;
    let path = format!("/{method}").parse().unwrap();
    let answer = client.server_streaming(Request::new(Bytes::new()), path, Raw).await?;
    Ok(answer.into_inner())
}

/// Bytes as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put(into, item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
