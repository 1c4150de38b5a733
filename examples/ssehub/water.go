package main

import "math/rand/v2"

const width, height = 320, 180

// water is the surface of a pond in the rain: how high it stands at each point,
// now and a step ago.
type water struct {
	now, before [height][width]float32
	steps       int
}

// step lets time go on, and returns a picture of the surface from above, of a
// byte a point: 128 is level, other values are slopes.
func (w *water) step() []byte {
	if w.steps++; w.steps%10 == 1 {
		w.drop(2+rand.IntN(width-4), 2+rand.IntN(height-4))
	}
	picture := make([]byte, 0, width*height)
	for y := range height {
		for x := range width {
			left, right := w.at(x-1, y), w.at(x+1, y)
			up, down := w.at(x, y-1), w.at(x, y+1)
			w.before[y][x] = ((left+right+up+down)/2 - w.before[y][x]) * 0.97 // a wave, which dies away
			picture = append(picture, byte(min(max(128+2*(left-right+up-down), 0), 255)))
		}
	}
	w.now, w.before = w.before, w.now
	return picture
}

// at returns the height at a point; beyond the edge it is that of the edge, so
// that waves come back.
func (w *water) at(x, y int) float32 {
	return w.now[min(max(y, 0), height-1)][min(max(x, 0), width-1)]
}

// drop lets a drop fall.
func (w *water) drop(x, y int) {
	for dy := -2; dy <= 2; dy++ {
		for dx := -2; dx <= 2; dx++ {
			if dx*dx+dy*dy <= 5 {
				w.now[y+dy][x+dx] -= 60
			}
		}
	}
}
