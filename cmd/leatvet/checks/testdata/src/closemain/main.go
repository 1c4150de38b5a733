package main

import "github.com/leat-go/leat/mpsc"

func main() {
	tx, rx := mpsc.New[int](1)
	go func() { rx.TryRecv() }()
	_ = tx.TrySend(1)
}
