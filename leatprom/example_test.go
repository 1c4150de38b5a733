package leatprom_test

import (
	"fmt"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/leatprom"
	"github.com/leat-go/leat/mpsc"
	"github.com/prometheus/client_golang/prometheus"
)

func ExampleNewCollector() {
	registry := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	registry.MustRegister(leatprom.NewCollector())

	tx, rx := mpsc.New[string](32, leat.Name("example jobs"))
	defer rx.Close()
	defer tx.Close()
	_ = tx.TrySend("one")
	_ = tx.TrySend("two")

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
	}
	for _, family := range families {
		if family.GetName() != "leat_channel_depth" {
			continue
		}
		for _, sample := range family.GetMetric() {
			if sample.GetLabel()[0].GetValue() == "example jobs" {
				fmt.Println(family.GetName(), sample.GetGauge().GetValue())
			}
		}
	}
	// Output: leat_channel_depth 2
}
