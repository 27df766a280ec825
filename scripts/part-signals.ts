/** What tells the rate, errors, duration and saturation of each part, for `docs/metrics.md`. */
type Signal = 'rate' | 'errors' | 'duration' | 'saturation'

export const partSignals: Readonly<Record<string, Readonly<Record<Signal, string>>>> = {
  feed: {
    rate: 'k2_feed_frames_total',
    errors: 'k2_feed_rejected_frames_total, k2_feed_failures_total',
    duration: 'k2_feed_batch_duration_seconds',
    saturation: 'k2_feed_queue_bytes'
  },
  publisher: {
    rate: 'k2_published_records_total',
    errors: 'k2_publish_refused_total, k2_circuit_breaker_failures_total',
    duration: 'k2_publish_duration_seconds',
    saturation: 'k2_publish_pending_bytes, k2_limit_bytes'
  },
  spool: {
    rate: 'k2_spooled_total',
    errors: 'k2_spool_refused_total',
    duration: 'k2_publish_duration_seconds',
    saturation: 'k2_spool_bytes, k2_limit_bytes'
  },
  'event log': {
    rate: 'k2_published_bytes_total, k2_kafka_messages_produced_total',
    errors: 'k2_publish_refused_total, k2_kafka_produce_errors_total',
    duration: 'k2_log_sync_duration_seconds, k2_kafka_produce_duration_seconds',
    saturation: 'k2_log_disk_bytes, k2_limit_bytes'
  },
  lander: {
    rate: 'k2_iceberg_rows_written_total, k2_kafka_messages_consumed_total',
    errors: 'k2_iceberg_commit_failures_total, k2_dead_letters_total, k2_consumer_errors_total',
    duration: 'k2_iceberg_write_duration_seconds',
    saturation: 'k2_log_lag_records, k2_log_lag_seconds'
  },
  'gap writer': {
    rate: 'k2_iceberg_rows_written_total',
    errors: 'k2_iceberg_commit_failures_total',
    duration: 'k2_iceberg_write_duration_seconds',
    saturation: 'k2_gap_claims_waiting'
  },
  tail: {
    rate: 'k2_query_executions_total',
    errors: 'k2_tail_failures_total',
    duration: 'k2_tail_wait_duration_seconds',
    saturation: 'k2_tail_bytes, k2_limit_bytes'
  },
  query: {
    rate: 'k2_query_executions_total',
    errors: 'k2_query_executions_total, k2_connection_pool_acquisition_timeouts_total',
    duration: 'k2_query_duration_seconds',
    saturation: 'k2_connection_pool_waiting_queries, k2_connection_pool_wait_time_seconds'
  },
  HTTP: {
    rate: 'k2_http_requests_total',
    errors: 'k2_http_requests_total',
    duration: 'k2_http_request_duration_seconds',
    saturation: 'k2_http_requests_in_progress'
  },
  healer: {
    rate: 'k2_healed_trades_total',
    errors: 'k2_heal_requests_total, k2_heal_written_off_trades_total',
    duration: 'k2_heal_request_duration_seconds',
    saturation: 'k2_heal_pending_trades, k2_heal_weight_used'
  },
  maintainer: {
    rate: 'k2_compaction_rows_total, k2_candle_minutes_total, k2_expired_files_total',
    errors: 'k2_compaction_groups_total, k2_candle_commits_total',
    duration: 'k2_iceberg_write_duration_seconds',
    saturation: 'k2_iceberg_table_data_files, k2_expiry_waiting_files, k2_disk_bytes'
  },
  degradation: {
    rate: 'k2_degradation_transitions_total',
    errors: 'k2_pressure_unknown_signals',
    duration: 'k2_degradation_level_seconds_total',
    saturation: 'k2_pressure_signal'
  },
  supervision: {
    rate: 'k2_actor_transitions_total',
    errors: 'k2_actor_restarts_total, k2_actor_waits_total',
    duration: 'k2_actor_down_duration_seconds',
    saturation: 'k2_actor_quarantined'
  }
}
