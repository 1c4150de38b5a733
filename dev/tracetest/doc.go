// Package tracetest reads an execution trace of waiting goroutines as go tool
// trace does.
package tracetest
