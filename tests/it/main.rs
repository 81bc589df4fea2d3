//! The integration tests: rzap as its users run it, against its own local cloud, `MiniStack` and moto.
//!
//! The language is in `world`, what it stands on in `output`, `cloud`, `emulator`, `http`, `faulty`, `shape`,
//! `scenes`, `stand`, `visitor`, `without_pause`, `process` and `tools`; the other files are the tests. Python 3.10
//! or newer has to be there, and a package index for the first run.

mod browser;
mod cloud;
mod compilers;
mod emulator;
mod faulty;
mod form;
mod http;
mod output;
mod picture;
mod process;
mod routes;
mod scenes;
mod shape;
mod stand;
mod tools;
mod visitor;
mod without_pause;
mod world;

mod app_queues;
mod app_secrets;
mod bad_cloud;
mod bad_config;
mod bad_package;
mod bridge;
mod cache;
mod cli;
mod clients;
mod collectstatic;
mod crash_sweep;
mod crowd;
mod dynamodb;
mod exec;
mod fault_sweep;
mod gradual;
mod guards;
mod house;
mod http_api;
mod http_api_local;
mod image;
mod init;
mod interrupted;
mod invoke;
mod keep_warm;
mod latency;
mod layers;
mod local;
mod ministack;
mod moto;
mod native;
mod node;
mod package_report;
mod plan;
mod python;
mod queues;
mod readme;
mod releases;
mod static_files;
mod streaming;
mod surroundings;
mod traffic;
mod unlock;
mod webapps;
