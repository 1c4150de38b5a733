// Package kinds is the models of leat's channels: small programs of a few
// goroutines with a few calls each, of which package model, with the build tag
// modelcheck, tries every interleaving, and package spec judges every history.
package kinds
