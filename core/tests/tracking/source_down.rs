//! A source that has never had a buffer.

use capbuf::{AnomalyKind, Detector, Registry, SourceHealth, SourceState, WatchSettings};

#[test]
fn source_without_a_buffer_is_in_metrics_and_events() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Registry::builder().domains_folder(folder.path()).open("birds").unwrap();
    for registry in [Registry::private(), shared] {
        let claim = registry.claim_source("rtsp://me:sesame@cam/1").unwrap();
        let mut detector = Detector::new(WatchSettings::default());
        for (state, events) in [(SourceState::Starting, 0), (SourceState::BackingOff, 1), (SourceState::Running, 0)] {
            claim.publish(None, &SourceHealth::new(state, 0, 0, "refused")).unwrap();
            let found = detector.look(&registry);
            assert_eq!(found.len(), events, "{state}: {found:?}");
            assert!(found.iter().all(|event| event.kind == AnomalyKind::SourceDown
                && event.source.as_deref() == Some("rtsp://***@cam/1")
                && event.evidence.contains("backing off: refused")));
            let line = format!("capbuf_source_state{{source=\"cam/1\"}} {}.0", state as u32);
            for text in [registry.metrics_text(), registry.domain_metrics_text()] {
                assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
                assert!(text.contains("capbuf_source_has_writer{source=\"cam/1\"} 0.0"), "{text}");
                assert!(text.contains("capbuf_sources_without_metrics 0.0") && !text.contains("sesame"), "{text}");
            }
        }
    }
}
