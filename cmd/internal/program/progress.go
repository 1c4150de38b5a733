package program

import (
	"os"
	"time"
)

const progressInterval = 200 * time.Millisecond

// ShowProgress shows a line below all others, if standard error is a terminal,
// until the function that it returns is called.
func (c *Console) ShowProgress(line func() string) (stop func()) {
	f, ok := c.w.(*os.File)
	if !ok {
		return func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
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
