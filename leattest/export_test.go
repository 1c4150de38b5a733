package leattest

import "time"

// SetPatience makes the suite give up sooner.
func SetPatience(d time.Duration) { patience, remotePatience = d, d/2 }
