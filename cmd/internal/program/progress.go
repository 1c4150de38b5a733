package program

import (
	"os"
	"time"
)

// IsTerminal reports whether f is a terminal, or another character device.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const progressInterval = 200 * time.Millisecond

// ShowProgress shows a line below all others, if standard error is a terminal,
// until the function that it returns is called.
func (c *Console) ShowProgress(line func() string) (stop func()) {
	if f, ok := c.w.(*os.File); !ok || !IsTerminal(f) {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(progressInterval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				c.overwrite(line())
			case <-end:
				c.overwrite("")
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}
