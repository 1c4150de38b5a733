package main

import (
	"os"
	"testing"
)

// It fails if a licence is taken for another one, or an unknown one for a known
// one.
func TestIdentify(t *testing.T) {
	own, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ text, want string }{
		{string(own), "Apache-2.0"},
		{"Permission is hereby granted, free\n of charge, to any person", "MIT"},
		{"Redistribution and use in source and binary forms … Neither the name of Google", "BSD-3-Clause"},
		{"Redistribution and use in source and binary forms, with or without modification", "BSD-2-Clause"},
		{"Mozilla Public License, version 2.0", "MPL-2.0"},
		{"Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"},
		{"Redistribution and use in source and binary forms … Neither the name … Apache License, Version 2.0", "Apache-2.0, BSD-3-Clause"},
		{"GNU GENERAL PUBLIC LICENSE Version 3 … Apache License, Version 2.0", ""},
		{"All rights reserved.", ""},
	} {
		if got := identify(test.text); got != test.want {
			t.Errorf("%.50q: %q, want %q", test.text, got, test.want)
		}
	}
}
