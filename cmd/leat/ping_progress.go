package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// bar draws a part of a width, to an eighth of a column. It draws something
// unless part is 0.
func bar(part float64, width int) string {
	eighths := int(math.Round(part * float64(8*width)))
	if part > 0 {
		eighths = max(eighths, 1)
	}
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return s
}

// A meter makes the line on how far a load is.
type meter struct {
	load *load
	at   time.Duration // when the line was made last
	acks int64         // that there were then
	rate float64
}

func (m *meter) line() string {
	l := m.load
	now, acks := time.Since(l.start), l.record.acks.Load()
	if took := (now - m.at).Seconds(); took > 0 {
		m.rate = float64(acks-m.acks) / took
	}
	m.at, m.acks = now, acks

	part := now.Seconds() / l.cmd.Duration.Seconds()
	if l.cmd.Count > 0 {
		part = max(part, float64(acks)/float64(l.cmd.Count))
	}
	part = min(part, 1)
	const width = 24
	done := bar(part, width)
	all := l.record.sum()
	s := fmt.Sprintf("%s%s %3.0f%%  %.0f/s  p50 %s  p99 %s", done, strings.Repeat("·", width-len([]rune(done))), 100*part,
		m.rate, micro(micros(all.ValueAtQuantile(50))), micro(micros(all.ValueAtQuantile(99))))
	if failed := l.record.refused.Load() + l.record.unanswered.Load(); failed > 0 {
		s += fmt.Sprintf("  %d failed", failed)
	}
	waiting := l.due.Load() - acks - int64(l.cmd.Clients*l.cmd.Window)
	if l.cmd.Rate > 0 && waiting > int64(l.cmd.Rate/10) { // a tenth of a second behind
		s += fmt.Sprintf("  %d behind", waiting)
	}
	return s
}
