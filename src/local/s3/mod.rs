use super::Local;
use super::wire::*;
use std::path::Path;
use std::sync::Arc;
pub(crate) struct S3;
impl S3 {
    pub(crate) fn open(_: &Path) -> crate::error::Result<Self> {
        Ok(S3)
    }
    pub(crate) async fn handle(&self, _local: &Arc<Local>, request: Request) -> Result<Reply, Fault> {
        Err(Fault::unsupported("s3", request.path.as_str()))
    }
}
