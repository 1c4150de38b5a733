// Licences lists what the modules of this repository depend on, and under which
// licences, as docs/licences.md:
//
//	go run ./dev/licences          writes the page
//	go run ./dev/licences -check   fails if the page is not current
//
// It asks the go command for the linked modules, and reads the licences in the
// module cache. A licence that it does not know is an error: read it, and add
// it here.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const page = "docs/licences.md"

// released are the modules that others use or install and that depend on
// something.
var released = []string{"cmd", "leatprom", "natschan", "natsembed"}

type dependency struct {
	path, version, licence string
	users                  []string // of our modules
}

func main() {
	check := flag.Bool("check", false, "fail if the page is not current, and write nothing")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	ours, err := modules()
	if err != nil {
		return err
	}
	var shipped, others []dependency
	for _, module := range ours {
		if slices.Contains(released, module) {
			err = add(&shipped, module, "-deps")
		} else {
			err = add(&others, module, "-deps", "-test")
		}
		if err != nil {
			return err
		}
	}
	text := render(shipped, others)
	if !check {
		return os.WriteFile(page, []byte(text), 0o666)
	}
	was, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if string(was) != text {
		return fmt.Errorf("%s is not current: go run ./dev/licences", page)
	}
	return nil
}

// modules returns the directories of the nested modules.
func modules() ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "go.mod" && file != "go.mod" {
			dirs = append(dirs, filepath.ToSlash(filepath.Dir(file)))
		}
		return err
	})
	slices.Sort(dirs)
	return dirs, err
}

// add adds to deps what the packages of the module depend on, on each of the
// systems that differ most.
func add(deps *[]dependency, module string, flags ...string) error {
	for _, system := range []string{"linux", "darwin", "windows"} {
		args := append([]string{"list", "-f", `{{with .Module}}{{if not (or .Main .Replace)}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}`}, flags...)
		list := exec.Command("go", append(args, "./...")...)
		list.Dir = module
		list.Env = append(os.Environ(), "GOWORK=off", "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			return fmt.Errorf("go list in %s: %w", module, err)
		}
		for line := range strings.Lines(string(out)) {
			f := strings.SplitN(strings.TrimSpace(line), " ", 3)
			if len(f) < 3 {
				continue
			}
			i := slices.IndexFunc(*deps, func(d dependency) bool { return d.path == f[0] && d.version == f[1] })
			if i < 0 {
				licence, err := licenceOf(f[2])
				if err != nil {
					return fmt.Errorf("%s: %w", f[0], err)
				}
				i = len(*deps)
				*deps = append(*deps, dependency{path: f[0], version: f[1], licence: licence})
			}
			if d := &(*deps)[i]; !slices.Contains(d.users, module) {
				d.users = append(d.users, module)
			}
		}
	}
	slices.SortFunc(*deps, func(a, b dependency) int {
		return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.version, b.version))
	})
	return nil
}

// licenceOf reads the licence of the module in dir.
func licenceOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		upper := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(upper, "LICENSE") && !strings.HasPrefix(upper, "LICENCE") && !strings.HasPrefix(upper, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		if name := identify(string(text)); name != "" {
			return name, nil
		}
		return "", fmt.Errorf("unknown licence: %s", filepath.Join(dir, e.Name()))
	}
	return "", errors.New("no licence in " + dir)
}

// identify returns the SPDX names of the licences in text, or "" if it is none
// of those that are known to be fine.
func identify(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(s string) bool { return strings.Contains(text, s) }
	if has("GNU GENERAL PUBLIC LICENSE") || has("GNU LESSER GENERAL PUBLIC LICENSE") || has("GNU AFFERO") {
		return ""
	}
	var names []string
	if has("Apache License Version 2.0") || has("Apache License, Version 2.0") {
		names = append(names, "Apache-2.0")
	}
	if has("Redistribution and use in source and binary forms") {
		if has("Neither the name") || has("be used to endorse or promote") {
			names = append(names, "BSD-3-Clause")
		} else {
			names = append(names, "BSD-2-Clause")
		}
	}
	if has("Permission to use, copy, modify, and/or distribute this software for any purpose") {
		names = append(names, "ISC")
	}
	if has("Permission is hereby granted, free of charge") {
		names = append(names, "MIT")
	}
	if has("Mozilla Public License, version 2.0") || has("Mozilla Public License Version 2.0") {
		names = append(names, "MPL-2.0")
	}
	return strings.Join(names, ", ")
}

func render(shipped, others []dependency) string {
	var b strings.Builder
	b.WriteString(`# Licences

leat is under the [Apache License 2.0](../LICENSE). The module ` + "`github.com/leat-go/leat`" + ` depends on nothing but Go's
standard library. What the other modules link, on Linux, macOS and Windows; ` + "`go run ./dev/licences`" + ` writes this page.

## In released code

`)
	table(&b, shipped)
	b.WriteString("\n## In tests, measurements and examples only\n\n")
	table(&b, others)
	return b.String()
}

func table(b *strings.Builder, deps []dependency) {
	b.WriteString("| module | version | licence | linked by |\n| --- | --- | --- | --- |\n")
	for _, d := range deps {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", d.path, d.version, d.licence, strings.Join(d.users, ", "))
	}
}
