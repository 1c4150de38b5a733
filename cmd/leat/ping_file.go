package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/leat-go/leat/cmd/internal/program"
)

// A replacement is a file to be written whole, in one instant: until then the
// file that has its name stays as it is.
type replacement struct {
	name string      // as given
	path string      // name without symbolic links, so that these stay
	perm fs.FileMode // of the file that is there; 0 if there is none
	pipe *os.File    // not nil if the name is not that of a file; then it is written to
}

// prepareReplacement makes sure, as far as that can be known now, that write
// will succeed. It changes no file.
func prepareReplacement(name string) (*replacement, error) {
	r := &replacement{name: name, path: name}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		r.path = path
	}
	old, err := os.OpenFile(r.path, os.O_WRONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if path, err := os.Readlink(name); err == nil { // of a file that is not there
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(name), path)
			}
			r.path = path
		}
	case err != nil:
		return nil, r.failed(err)
	default:
		info, err := old.Stat()
		if err != nil {
			return nil, r.failed(errors.Join(err, old.Close()))
		}
		if !info.Mode().IsRegular() {
			r.pipe = old
			return r, nil
		}
		r.perm = info.Mode().Perm()
		if err := old.Close(); err != nil {
			return nil, r.failed(err)
		}
	}
	beside, err := r.create()
	if err != nil {
		return nil, r.failed(err)
	}
	if err := errors.Join(beside.Close(), os.Remove(beside.Name())); err != nil {
		return nil, r.failed(err)
	}
	return r, nil
}

// create makes a file beside the one that it will replace.
func (r *replacement) create() (*os.File, error) {
	name := fmt.Sprintf("%s.%016x.tmp", r.path, rand.Uint64())
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// write replaces the file. On an error, the old one is still there.
func (r *replacement) write(text []byte) error {
	if r.pipe != nil {
		_, err := r.pipe.Write(text)
		return r.failed(errors.Join(err, r.pipe.Close()))
	}
	f, err := r.create()
	if err != nil {
		return r.failed(err)
	}
	_, err = f.Write(text)
	if err == nil && r.perm != 0 {
		err = f.Chmod(r.perm)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), r.path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return r.failed(err)
}

// failed says that an error kept the file from being written, unless it is nil.
func (r *replacement) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot write %s: %w; choose another file with --svg", r.name, program.Reason(err))
}
