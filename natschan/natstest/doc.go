// Package natstest tests natschan against real servers: embedded ones, clusters of them, and processes that are killed. It is a module of
// its own, so that natschan requires no server.
package natstest
