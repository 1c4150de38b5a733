//go:build modelcheck

package kinds

import (
	"slices"
	"strings"

	"github.com/leat-go/leat/dev/verify/script"
)

// Cases are the programs of all kinds.
func Cases() []*script.Program {
	var all []*script.Program
	add := func(kind string, capacities []int, programs string) {
		for _, capacity := range capacities {
			for _, p := range strings.Split(strings.TrimSpace(programs), "\n") {
				words := strings.Fields(p)
				all = append(all, &script.Program{Kind: kind, Capacity: capacity, Words: words})
				if two := kind + "2"; slices.Contains(script.Kinds[two].Capacities, capacity) {
					all = append(all, &script.Program{Kind: two, Capacity: capacity, Words: words})
				}
			}
		}
	}
	queues := []int{1, 2, script.Unbounded}
	both := `
		ss rr
		tt yy
		st ry
		ts rr
		ss zr
		ssx rrr
		tx yy
		sss rrr
		b n
		b rr
		s s rr
		t s r
		s s z
		S rr c
		S S c
		S z c
		s Rr c
		ss w
		t ww
		se z
		D r
		sD rr
		s s y
		ss ii
		sj r
		jj i
		s I c
		s Ir c
		sJ r c
		sJ z c
		D i
		s j z
	`
	add("mpsc", queues, both)
	add("mpmc", append([]int{0}, queues...), both)
	batches := `
		B r
		B N
		BB NN
		B n
		b N
		s B N
		B s rr
		B yy
		t B NN
		B z
		Bx N
		Bx NNN
		s Nz
		B w
		B ii
		j N
		J N c
		D N
		sB rN
		S N c
		s R B c
		B B r
		tB yy
	`
	add("mpsc", queues, batches)
	add("mpmc", append([]int{0}, queues...), batches)
	add("mpmc", append([]int{0}, queues...), `
		B N N
		B r N
		B r r
		B y N
		s s N
		b r N
		s N zr
		B n R c
	`)
	add("mpmc", []int{0, 1, 2, script.Unbounded}, `
		s N y
		B z N
	`)
	for _, kind := range []string{"mpsc", "mpmc"} { // the third Send yields, and then waits
		add(kind, []int{2}, `
			ssS c
			ss S rrr c
		`)
	}
	add("mpmc", queues, `
		B l
		N l
	`)
	forcing := `
		E r
		EE r
		EEE yy
		E E r
		EE EE yy
		E yy
		t E y
		s E rr
		ss E rr
		sE r
		S E c
		S E r c
		E z
		EE z
		E xs r
		Ex rr
		EE w
		EE ww
		E i
		EE ii
		j E r
		J E r c
		jj E r
		b E rr
		b E n
		B E N
		EB NN
		E a
		EEE a
		EE m
		EEE am
		D E r
		ED rr
		E zG
	`
	add("mpsc", queues, forcing)
	add("mpmc", append([]int{0}, queues...), forcing)
	add("mpmc", queues, `
		E l
		L E c
		d E
		E E l
	`)
	add("mpmc", append([]int{0}, queues...), `
		E r r
		EE y y
		E s r
		J E z c
		EE a r
		EE n y
	`)
	collecting := `
		s a
		ss a
		sss aa
		sss a
		ssss ar
		b s a
		ss s a
		ts m
		sss m
		t t a
		s s a
		b a
		B a
		j a
		jj a
		J a c
		S a c
		ss A c
		A z s
		s A c
		s az
		a z s
		sx ar
		sx a
		ssss a
		s m
		ss m
		ss mr
		B m
		j m
		m z s
		sD a
		D a
		sD m
		ss ma
		sD aG
	`
	add("mpsc", queues, collecting)
	add("mpmc", append([]int{0}, queues...), collecting)
	add("mpmc", append([]int{0}, queues...), `
		ss a r
		ss m r
		sss a r
		ss a a
		ss m m
		ss a i
		ss a y
		ss a z
		b a r
		B a r
		ss A r c
		j s a
		ss a N
		ss n m
	`)
	permits := `
		p E r
		pE r
		q E yy
		P E r
		PE EE y
		p E z
		p a
		q a
		p m
		ps s a
		ps m
		P r
		P P r
		PQ rr
		s P r
		p P rr
		P z
		Pt Ny
		P B NN
		Q s r
		PD rr
		p r
		ps rr
		q s rr
		p z
		pt ry
	`
	add("mpsc", queues, permits)
	add("mpmc", queues, permits)
	more := `
		s r r
		t r r
		ss r r
		x r r
		s r z
		s R r c
		b r r
		b n n
		l r
		l s
		l l
		L s c
		L r c
		d s
		d r
		d t y
		l b
		s w w
		s zw w
		s rG
	`
	add("mpmc", []int{0, 1, 2, script.Unbounded}, more)
	add("mpsc", queues, `
		l
		d s
		l s
		L s c
	`)
	add("oneshot", []int{1}, `
		s r
		t y
		s z
		x r
		s R c
		sx rr
		S r c
		ss ry
		s w
		D r
		s G
		se r
		e z
		s i
		x i
		s I c
		D i
		s i z
		j r
		s ry z
		xe yG
		l
	`)
	add("broadcast", []int{2}, `ssss yy y`)
	// Handles close with causes, of which the first counts.
	causes := `
		sX r
		sX k
		x X Xk
		ss Z
		s rZ X
		Xt Z
		D X k
		X w
		X i
		s Z z
	`
	add("mpsc", []int{1}, causes)
	add("mpmc", []int{0}, causes)
	add("mpsc", []int{1}, `
		pX k
		r Z X
		bX n
		E Z
		j Z
		sX a
	`)
	add("mpmc", []int{0}, `
		X r r
		k Z X
		s Z Z
		Zr r X
	`)
	add("oneshot", []int{1}, `
		sX r
		X r
		X X r
		X x r
		X r Z
		s Z
		s Z z
		X Z
		Z sX
		X i
		X w
	`)
	everyone := `
		sX r
		sX k
		X X k
		x X r
		X r r
		sX rZ
		sX Z k
		Xt UrZr
		D X w
		X i
	`
	add("broadcast", []int{1}, everyone)
	add("lossless", []int{1}, everyone)
	add("watch", []int{1}, everyone)
	add("lossless", []int{1}, `
		ss Z
		ss k
		WX Z
	`)
	add("broadcast", []int{1}, `
		ss k
	`)
	add("broadcast", []int{script.Unbounded}, `
		sX k Zr
	`)
	// Values settle, or the channel ends before they do.
	add("watch", []int{1}, `
		sx H
		ss H
		sX HH
		s H H
		s HZ r
		u Ur H
		D H
		s h
		ss h
		s s h
		s hr
		sx hh
		su Uh
	`)
	// A ring of two segments, of which the second is shorter.
	add("broadcast", []int{3}, `
		sss rrr
		ssss rr
		ssss yr
		ss s rr
		b ss rr
		ss sy rr
		sss Vrr
		ssss Ur
		sss n
		sssD rr
		s s ii
		sssss Fr
	`)
	add("lossless", []int{3}, `
		ssss rr
		tttt yy
		sss s rr
		ss b nn
		sss s rz
		ssss Vr r
		sssss Frr
	`)
	add("broadcast", []int{1, 2}, `
		ss rr
		sss rr
		sss ry
		tt yy
		s s rr
		s r r
		sx rr
		ss z
		ss rz
		s Rr c
		b rr
		b n
		sss n
		ss w
		s ww
		l r
		d s
		D r
		sD rr
		s rG
		ss Urr
		ss Vrr
		s Vrr
		ss Vn
		ss Orr
		s s Ury
		ss rr Ur
		ss Uw
		sss VzUr
		ss ii
		sss ii
		s I c
		s i i
		s I r c
		s i z
		sD ii
		sx VrUr
		sD Ur
		s Frr
		ss Frr
		sss Frr
		sss Fyr
		sss Fn
		s s Fyr
		ss rr Fr
		ss Fw
		sss FzFr
		sss Fii
		sx FrFr
		W r c
		sW r c
		xW r c
		W z Ur c
		W G c
		sD FrG
	`)
	add("lossless", []int{1, 2}, `
		ss rr
		sss rr
		tt yy
		ts yr
		s s rr
		s s yz
		ss r r
		ss z
		ss rz
		S s r c
		Ss ry c
		b rr
		b n
		b rz
		sss n
		ss ww
		ss rG
		l r
		s t yy
		ss Urr
		ss Vrr
		sss Vyr
		sss Vz
		s Vrr
		ss Vn
		ss Orr
		tt r Vy
		sss Ur Uy
		ss ii
		jj rr
		sJ r c
		s j r
		js z
		s I c
		s r Ury
		b Uzr
		ss UrG
		sD Vr
		ss Frr
		sss Frr
		sss Fz
		ss s Fyr
		ssss Frr
		sss Fyr Fy
		ss Fn
		sss rrr Fr
		sx FrFr
		sW rz c
		W W OzUz c
		sD FrG
	`)
	// Values are released while they are received and subscribed to.
	add("broadcast", []int{script.Unbounded}, `
		sss rrr
		sss yy yr
		ss r z
		tt ry Ury
		ss rz Vr
		sss r Vrr
		ss ry Fyr
		sss Fry z
		ss rr FrG
		b n n
		bs n Vn
		ss ii r
		s I r c
		ss ww
		tt G Vy
		sx r UrVr
		sD r FrG
		ss UzUr
		W rz s c
	`)
	// Time passes while senders wait, and the receivers do everything that they
	// can.
	add("patient", []int{1, 2}, `
		ss rr
		sss T rr
		ss T ry
		tt yy T
		sts T ryy
		s s T yy
		sss T nn
		sss T ww
		S s T r c
		sJ T r c
		js T ii
		b T rz
		ss T UzUr
		ss T Fyr
		ss T Vrr
		s T VyUr
		ss OzUr T
		sss TT ry
		ssx T ryr
		ss T G
		ss T rD
		W T rz c
	`)
	add("patient", []int{2}, `
		sss T rr r
		ssst T rrr
		bs T nr
	`)
	shared := `
		B yy
		BB yy
		BW r
		ssx a
		s B yy
		Bx NN
		ss N
		sss N
		B r N
		s Nz
		ss a
		sss a
		b s a
		sx a
		ss a a
		a z s
		B a
		Bs a
		ss A c
		s A c
		ss m
		sss m
		t t m
		ss ma
		D a
		sD m
		sss Fa
		ss Va
		ss Um
		ssD aG
	`
	add("broadcast", []int{1, 2}, shared)
	add("lossless", []int{1, 2}, shared)
	add("patient", []int{1, 2}, `
		ss T a
		sss m
		B T NN
	`)
	add("lossless", []int{1}, `
		s B r N
		s s a
		j B yy
	`)
	add("watch", []int{1}, `
		ss rr
		tt yy
		u u rr
		us ry
		s r r
		ss gr
		s Rr c
		sx rr
		s z
		s rz
		s ww
		s s w
		x r
		D r
		l r
		s u g
		ss Urr
		su Ur
		u s Ury
		ss Uw
		s r Ug
		sx UrUr
		sD Ur
		ss ii
		s I c
		s s ii
		x i
		s iw
		s i z
		ss f
		s rf
		s fr
		s s fy
		W z c
		sW rz Uz c
		xW z c
		W G c
		u Uf
	`)
	return all
}
