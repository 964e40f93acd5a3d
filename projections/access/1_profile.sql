-- What a dashboard's statement may take: the bounds of the gateway's reader. With readonly = 1 only what is marked
-- here may be set at all, and the bounds only lowered; 0 would be none, hence the least.
CREATE SETTINGS PROFILE OR REPLACE limen_reader SETTINGS
    readonly = 1,
    max_execution_time = 30 MIN 1 MAX 30 CHANGEABLE_IN_READONLY,
    max_memory_usage = 2000000000 MIN 1 MAX 2000000000 CHANGEABLE_IN_READONLY,
    max_result_rows = 1000000 MIN 1 MAX 1000000 CHANGEABLE_IN_READONLY,
    max_result_bytes = 100000000 MIN 1 MAX 100000000 CHANGEABLE_IN_READONLY,
    max_memory_usage_for_user = 16000000000,
    max_threads = 2,
    max_ast_elements = 50000,
    result_overflow_mode = 'throw',
    timeout_overflow_mode = 'throw',
    session_timezone CHANGEABLE_IN_READONLY,
    date_time_output_format CHANGEABLE_IN_READONLY,
    join_use_nulls CHANGEABLE_IN_READONLY,
    log_comment CHANGEABLE_IN_READONLY,
    max_block_size CHANGEABLE_IN_READONLY,
    cancel_http_readonly_queries_on_client_close CHANGEABLE_IN_READONLY,
    output_format_native_write_json_as_string CHANGEABLE_IN_READONLY,
    output_format_json_quote_64bit_integers CHANGEABLE_IN_READONLY,
    output_format_json_quote_denormals CHANGEABLE_IN_READONLY,
    output_format_arrow_string_as_string CHANGEABLE_IN_READONLY,
    output_format_arrow_compression_method CHANGEABLE_IN_READONLY
