// Package leatprom exports the named channels of a program to Prometheus, as a
// collector of the Prometheus client library.
//
//	prometheus.MustRegister(leatprom.NewCollector())
//
// The metrics are those of the endpoint metrics of package inspect, with the
// same names, labels, types and help. A program that already serves metrics
// with the client library uses this package; any other mounts
// [inspect.Handler], which has no dependency. docs/inspect.md lists the
// metrics and has a dashboard.
//
// A channel takes part if it was given a name with leat.Name. Nothing is
// counted twice and no goroutine runs: each scrape takes one
// [inspect.Snapshot].
package leatprom
