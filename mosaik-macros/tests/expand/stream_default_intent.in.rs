#[stream]
struct HTTPServer(String, #[serde(skip)] u64);
