//go:build !linux

package main

import "errors"

func mountTiny(string) (unmount func() error, err error) {
	return nil, errors.New("only Linux has a tmpfs")
}
