use super::wire::*; use super::Local; use std::sync::Arc; use std::path::Path;
pub(crate) struct S3;
impl S3 { pub(crate) fn open(_: &Path) -> crate::error::Result<Self> { Ok(S3) }
pub(crate) async fn handle(&self, _local: &Arc<Local>, request: Request) -> Result<Reply, Fault> { Err(Fault::unsupported("s3", request.path.as_str())) } }
