"""Dashboards: Grafana and the web console, laid on the history next."""
