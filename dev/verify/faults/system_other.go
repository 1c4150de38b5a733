//go:build !unix

package main

import (
	"errors"
	"os"
)

var errNotHere = errors.New("only Unix limits the files of a process, and stops one")

func raiseFiles(uint64) error  { return errNotHere }
func limitFiles(uint64) error  { return errNotHere }
func freeze(*os.Process) error { return errNotHere }
func thaw(*os.Process) error   { return errNotHere }
