//go:build !unix

package main

import "errors"

var errNoLimit = errors.New("only Unix limits the files of a process")

func raiseFiles(uint64) error { return errNoLimit }
func limitFiles(uint64) error { return errNoLimit }
