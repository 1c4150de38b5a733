// Package promtest has a Prometheus server scrape the metrics of named
// channels, and runs the queries of the dashboard in docs/grafana.json by
// promtool. It needs both programs: apt-get install prometheus.
package promtest
