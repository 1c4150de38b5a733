// Command screenshots makes the pictures of the live page and of leat top in
// docs/figures, of a broadcast with one slow receiver. Run it at the root of
// the repository, with chromium on PATH:
//
//	go run ./dev/browsertest/screenshots
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/leat-go/leat/dev/browsertest"
)

var out = flag.String("out", "docs/figures", "directory of the pictures")

func main() {
	log.SetFlags(0)
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal("screenshots: ", err)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "leat-screenshots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	leat := filepath.Join(dir, "leat")
	build := exec.CommandContext(ctx, "go", "build", "-o", leat, "./leat")
	build.Dir = "cmd"
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building leat: %w\n%s", err, text)
	}
	page, stop, err := broadcast(ctx, leat)
	if err != nil {
		return err
	}
	defer stop()
	if err := pictures(ctx, page); err != nil {
		return err
	}
	return terminal(ctx, leat, page)
}

// broadcast starts the system with one slow receiver, and returns the address
// of its page.
func broadcast(ctx context.Context, leat string) (page string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, leat, "run", "broadcast", "--addr", "127.0.0.1:0", "--clients", "10",
		"--interval", "50ms", "--count", "100000", "--slow", "1:200ms", "--ui", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	address := regexp.MustCompile(`http://\S+`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if page = address.FindString(lines.Text()); page != "" {
			return page, stop, nil
		}
	}
	stop()
	return "", nil, errors.New("leat run did not say where its page is")
}

// pictures takes those of the page: in two widths, light and dark, with and
// without a channel's detail.
func pictures(ctx context.Context, page string) error {
	tab, end, err := browsertest.Browser(ctx, time.Minute)
	if err != nil {
		return err
	}
	defer end()
	if err := chromedp.Run(tab, chromedp.EmulateViewport(1280, 760), chromedp.Navigate(page), chromedp.Sleep(14*time.Second)); err != nil {
		return err
	}
	for _, shot := range []struct {
		file, theme   string
		width, height int64
		do            string
	}{
		{"inspect-light.png", "light", 1280, 420, "close()"},
		{"inspect-dark.png", "dark", 1280, 420, "close()"},
		{"inspect-detail-light.png", "light", 1280, 900, "open(state.shown[0].id)"},
		{"inspect-detail-dark.png", "dark", 1280, 900, "open(state.shown[0].id)"},
		{"inspect-phone.png", "light", 390, 760, "close()"},
		{"inspect-phone-detail.png", "dark", 390, 844, "open(state.shown[0].id)"},
	} {
		var png []byte
		err := chromedp.Run(tab,
			emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: shot.theme}}),
			chromedp.EmulateViewport(shot.width, shot.height),
			chromedp.Evaluate(shot.do, nil), chromedp.Evaluate("document.activeElement.blur()", nil),
			chromedp.Sleep(1200*time.Millisecond),
			chromedp.CaptureScreenshot(&png))
		if err != nil {
			return fmt.Errorf("%s: %w", shot.file, err)
		}
		if err := os.WriteFile(filepath.Join(*out, shot.file), png, 0o644); err != nil {
			return err
		}
		fmt.Println(filepath.Join(*out, shot.file))
	}
	return nil
}

// terminal takes the picture of leat top: one frame, with its colours, as SVG.
func terminal(ctx context.Context, leat, page string) error {
	top := exec.CommandContext(ctx, leat, "top", "--once", "--width", "112", "--color", page)
	text, err := top.Output()
	if err != nil {
		return fmt.Errorf("leat top: %w", err)
	}
	file := filepath.Join(*out, "top.svg")
	fmt.Println(file)
	return os.WriteFile(file, []byte(picture("leat top "+page, string(text))), 0o644)
}

var (
	sgr    = regexp.MustCompile("\x1b\\[([0-9;]*)m")
	escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
)

// picture draws lines with colours of the terminal as SVG.
func picture(title, text string) string {
	const width, height = 8.4, 18
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	columns := 0
	for _, line := range lines {
		columns = max(columns, len([]rune(sgr.ReplaceAllString(line, ""))))
	}
	var b strings.Builder
	w, h := float64(columns)*width+32, float64(len(lines))*height+58
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">
<rect width="100%%" height="100%%" rx="8" fill="#16181b"/><text x="16" y="24" fill="#8b929a" font-size="12">%s</text>
`, w, h, w, h, escape.Replace(title))
	class := ""
	for i, line := range lines {
		x, y := 0, 52+i*height
		for line != "" {
			at := sgr.FindStringSubmatchIndex(line)
			run := line
			if at != nil {
				run = line[:at[0]]
			}
			if n := len([]rune(run)); n > 0 {
				if strings.TrimSpace(run) != "" {
					fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f" xml:space="preserve" fill="#d6d9dc"%s>%s</text>`+"\n",
						16+float64(x)*width, y, float64(n)*width, class, escape.Replace(run))
				}
				x += n
			}
			if at == nil {
				break
			}
			class = style(line[at[2]:at[3]])
			line = line[at[1]:]
		}
	}
	return b.String() + "</svg>\n"
}

// style returns the attributes of a rendition, of those that leat top uses.
func style(codes string) string {
	colours := map[string]string{"31": "#ff7a70", "33": "#edb13f", "34": "#62aee8", "36": "#62aee8", "2": "#8b929a", "91": "#ff7a70", "93": "#edb13f", "94": "#62aee8", "90": "#8b929a"}
	var s string
	for _, code := range strings.Split(codes, ";") {
		if c, ok := colours[code]; ok {
			s += ` style="fill:` + c + `"`
		}
		if code == "1" {
			s += ` font-weight="bold"`
		}
	}
	return s
}
