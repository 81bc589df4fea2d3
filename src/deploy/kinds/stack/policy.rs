//! What an update of a stack must not do: replace or remove what holds data.
//!
//! Only `CloudFormation` knows what a change of a template does to which resource. It is told by a stack policy that
//! is in force for this one update; an update that would break it is rolled back and nothing is lost.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html>

use serde_json::json;

/// Types of resources that hold what nobody can make again.
const DATA: &[&str] = &[
    "AWS::Backup::BackupVault",
    "AWS::Cassandra::*",
    "AWS::Cognito::IdentityPool",
    "AWS::Cognito::UserPool",
    "AWS::DMS::*",
    "AWS::DocDB::*",
    "AWS::DynamoDB::*",
    "AWS::EC2::Volume",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::*",
    "AWS::Elasticsearch::Domain",
    "AWS::FSx::*",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::Lightsail::Database",
    "AWS::Logs::LogGroup",
    "AWS::MSK::*",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::*",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchService::Domain",
    "AWS::QLDB::Ledger",
    "AWS::RDS::*",
    "AWS::Redshift::*",
    "AWS::RedshiftServerless::*",
    "AWS::S3::Bucket",
    "AWS::SDB::Domain",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
    "AWS::Timestream::*",
];

/// The policy for an update, a JSON document.
pub(super) fn during_update(delete_data: bool) -> String {
    let all = json!({"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"});
    let kept = json!({
        "Effect": "Deny",
        "Action": ["Update:Replace", "Update:Delete"],
        "Principal": "*",
        "Resource": "*",
        "Condition": {"StringLike": {"ResourceType": DATA}},
    });
    let statements = if delete_data { vec![all] } else { vec![all, kept] };
    json!({ "Statement": statements }).to_string()
}

/// Whether a resource could not be changed because of it.
pub(super) fn forbids(reason: &str) -> bool {
    reason.to_lowercase().contains("denied by stack policy")
}
