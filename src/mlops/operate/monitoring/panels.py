"""What the dashboard shows: rows of panels, each with its expressions."""

from dataclasses import dataclass

from mlops.operate.monitoring.promql import LIVE, PREDICT, PREFIX, Selected

RATE = "$__rate_interval"
HERE = Selected("$environment")
LIVE_PODS = Selected("$environment", common=(LIVE,))
PROXY = Selected("$environment", "proxy", ('entrypoint="web"',))
EVERY_POD = Selected("$environment", common=())
DRIFT = '{environment="$environment"}'


@dataclass(frozen=True)
class Panel:
    """A picture over time: expressions with their legends, and a unit of Grafana's."""

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]


def _rate(series: str, by: str) -> str:
    return f"sum by ({by}) (rate({series}[{RATE}]))"


def _quantile(share: float, metric: str, by: str, *matchers: str) -> str:
    buckets = _rate(HERE.of(f"{PREFIX}_{metric}_bucket", *matchers), f"le, {by}")
    return f"histogram_quantile({share}, {buckets})"


def _share(part: str, whole: str, by: str) -> str:
    return f"{_rate(part, by)} / {_rate(whole, by)}"


def _of(metric: str, *matchers: str) -> str:
    return HERE.of(f"{PREFIX}_{metric}", *matchers)


OBJECTIVE = 'mlops:objective{{environment="$environment",objective="{}"}}'
OK, FAILED = 'http_response_code="200"', 'http_response_code=~"5.."'
VERSION = "service_version"
PREDICTED = _of("request_total", PREDICT)
SLOW = _quantile(0.99, "request_duration_seconds", VERSION, PREDICT, OK)

ROWS: dict[str, tuple[Panel, ...]] = {
    "Traffic": (
        Panel("Requests by status", "reqps",
              ((_rate(PREDICTED, "http_response_code"), "{{http_response_code}}"),)),
        Panel("Requests at the proxy", "reqps",
              ((_rate(PROXY.of("traefik_entrypoint_requests_total"), "code"), "{{code}}"),)),
        Panel("Refused, by reason", "reqps",
              ((_rate(_of("refused_total"), "reason"), "{{reason}}"),)),
    ),
    "Objectives": (
        Panel("Share of 5xx in an hour", "percentunit", (
            ('mlops:errors:increase1h{environment="$environment"} / '
             'mlops:requests:increase1h{environment="$environment"}', "5xx"),
            (f"1 - {OBJECTIVE.format('availability')}", "objective"))),
        Panel("Share of slow answers in an hour", "percentunit", (
            ('mlops:slow:increase1h{environment="$environment"} / '
             'mlops:answers:increase1h{environment="$environment"}', "slow"),
            (f"1 - {OBJECTIVE.format('latency_share')}", "objective"))),
        Panel("Time of an answer with 200", "s", (
            (_quantile(0.5, "request_duration_seconds", "job", PREDICT, OK), "p50"),
            (_quantile(0.95, "request_duration_seconds", "job", PREDICT, OK), "p95"),
            (_quantile(0.99, "request_duration_seconds", "job", PREDICT, OK), "p99"),
            (OBJECTIVE.format("latency_seconds"), "objective"))),
    ),
    "Saturation": (
        Panel("Busy share of the predicting threads", "percentunit",
              ((_rate(_of("predict_busy_seconds_total"), "pod"), "{{pod}}"),)),
        Panel("Queue", "percentunit",
              ((f"{_of('queue_waiting')} / {_of('queue_size')}", "{{instance}}"),)),
        Panel("Wait in the queue", "s",
              ((_quantile(0.99, "queue_wait_seconds", "pod"), "p99 {{pod}}"),)),
    ),
    "Predictions": (
        Panel("Share of each label", "percentunit", (
            (f"{_rate(_of('prediction_total'), 'label')} / ignoring (label) group_left "
             f"sum(rate({_of('prediction_total')}[{RATE}]))", "{{label}}"),)),
        Panel("Confidence", "percentunit", (
            (_share(_of("prediction_confidence_sum"), _of("prediction_confidence_count"), "job"),
             "mean"),
            (_quantile(0.1, "prediction_confidence", "job"), "lowest tenth"))),
        Panel("Tokens of a text", "short", (
            (_quantile(0.5, "text_tokens", "job"), "p50"),
            (_quantile(0.95, "text_tokens", "job"), "p95"))),
        Panel("Unknown words", "percentunit",
              ((_share(_of("words_total", 'kind="unknown"'), _of("words_total"), "job"),
                "unknown"),)),
        Panel("Texts cut or refused", "percentunit", (
            (_share(_of("text_total", 'outcome="truncated"'),
                    _of("text_total", 'outcome="predicted"'), "job"), "cut"),
            (_share(_of("text_total", 'outcome="refused"'), _of("text_total"), "job"), "refused"))),
        Panel("Request log", "cps", (
            (_rate(_of("request_log_total"), "outcome"), "{{outcome}}"),)),
    ),
    "Versions side by side": (
        Panel("Requests", "reqps", ((_rate(PREDICTED, VERSION), f"version {{{{{VERSION}}}}}"),)),
        Panel("Share of 5xx", "percentunit", (
            (_share(_of("request_total", PREDICT, FAILED), PREDICTED, VERSION),
             f"version {{{{{VERSION}}}}}"),)),
        Panel("p99 of an answer with 200", "s", ((SLOW, f"version {{{{{VERSION}}}}}"),)),
        Panel("Labels", "cps", (
            (_rate(_of("prediction_total"), f"{VERSION}, label"),
             f"version {{{{{VERSION}}}}} {{{{label}}}}"),)),
        Panel("Mean confidence", "percentunit", (
            (_share(_of("prediction_confidence_sum"), _of("prediction_confidence_count"), VERSION),
             f"version {{{{{VERSION}}}}}"),)),
        Panel("Age of the live version", "s", (
            (f"time() - max by (environment) "
             f"({LIVE_PODS.of(f'{PREFIX}_model_created_time_seconds')} > 0)", "age"),)),
    ),
    "Drift": (
        Panel("Distance from the held-out rows", "short",
              ((f"mlops_drift_distance{DRIFT}", "{{statistic}}"),)),
        Panel("Drift", "bool", ((f"mlops_drift_alarm{DRIFT}", "drift"),)),
        Panel("Last window that was compared", "s",
              ((f"time() - mlops_drift_window_end_seconds{DRIFT}", "age"),)),
    ),
    "Pods": (
        Panel("Answer Prometheus", "bool", ((EVERY_POD.of("up"), "{{pod}} {{role}}"),)),
        Panel("Time since a worker started", "s",
              ((f"time() - {EVERY_POD.of(f'{PREFIX}_start_time_seconds')}", "{{pod}}"),)),
        Panel("Alerts", "short",
              (('count by (alertname) (ALERTS{environment="$environment",alertstate="firing"})',
                "{{alertname}}"),)),
    ),
}  # fmt: skip
