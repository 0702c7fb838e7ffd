"""Rules, alerts, dashboard, and the Prometheus that runs them on one machine."""
