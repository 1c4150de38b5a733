// Package browsertest looks at the page of package inspect as a person does, in
// a real browser. It is in the module dev, so that no user of leat inherits
// the modules that drive the browser.
package browsertest

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// ErrNoBrowser tells that there is no Chromium on this machine.
var ErrNoBrowser = errors.New("no chromium on PATH; apt-get install chromium")

// Browser starts a headless Chromium, whose first tab belongs to the context
// that it returns. It ends with cancel, or after limit.
func Browser(parent context.Context, limit time.Duration) (tab context.Context, cancel func(), err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, nil, ErrNoBrowser
	}
	ctx, stop := context.WithTimeout(parent, limit)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, // root may not use one
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en"))
	alloc, endAlloc := chromedp.NewExecAllocator(ctx, options...)
	tab, endTab := chromedp.NewContext(alloc)
	if err := chromedp.Run(tab); err != nil {
		endTab()
		endAlloc()
		stop()
		return nil, nil, err
	}
	return tab, func() { endTab(); endAlloc(); stop() }, nil
}

// Do runs actions in a tab, and says which step failed.
func Do(t *testing.T, tab context.Context, step string, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(tab, actions...); err != nil {
		t.Fatalf("%s: %v", step, err)
	}
}
