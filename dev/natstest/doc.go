// Package natstest tests natschan against real servers: embedded ones, clusters
// of them, and processes that are killed. It is in the module dev, so that
// natschan requires no server.
package natstest
