package natstest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/leat-go/leat"
	"github.com/leat-go/leat/natschan"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What docs/nats.md says that a user of any channel needs, and of the one
// channel «orders».
var (
	anyChannel = natsserver.Permissions{
		Publish:   &natsserver.SubjectPermission{Allow: []string{"leat.>", "$JS.API.>", "$JS.ACK.>", "_INBOX.>"}},
		Subscribe: &natsserver.SubjectPermission{Allow: []string{"leat.h.>", "_INBOX.>"}},
	}
	oneChannel = natsserver.Permissions{
		Publish: &natsserver.SubjectPermission{Allow: []string{
			"leat.d.orders", "leat.h.orders.*", "leat.l.orders.>",
			"$JS.API.STREAM.*.LEAT_orders", "$JS.API.STREAM.*.LEAT_LEASES", "$JS.API.STREAM.MSG.GET.LEAT_LEASES",
			"$JS.API.CONSUMER.*.LEAT_orders", "$JS.API.CONSUMER.*.LEAT_orders.>", "$JS.API.CONSUMER.MSG.NEXT.LEAT_orders.*",
			"$JS.API.DIRECT.GET.LEAT_orders.>", "$JS.ACK.LEAT_orders.>",
		}},
		Subscribe: &natsserver.SubjectPermission{Allow: []string{"leat.h.orders.*", "_INBOX.>"}},
	}
)

// authority makes certificates that one made-up authority has signed: the
// server's and a client's.
func authority(t *testing.T) (pool *x509.CertPool, issue func(name string) tls.Certificate) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			BasicConstraintsValid: true, IsCA: serial == 1,
		}
	}
	root, rootKey := template(1, "authority"), key(t)
	der, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	must(err)
	root, err = x509.ParseCertificate(der)
	must(err)
	pool = x509.NewCertPool()
	pool.AddCert(root)
	serial := int64(1)
	return pool, func(name string) tls.Certificate {
		serial++
		own := key(t)
		der, err := x509.CreateCertificate(rand.Reader, template(serial, name), root, &own.PublicKey, rootKey)
		must(err)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}
	}
}

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// guarded starts a server on loopback that wants a certificate of both sides,
// with a user of an account for each of the permissions, and returns how to
// connect as one of them.
func guarded(t *testing.T, users map[string]*natsserver.Permissions) (connect func(user string) jetstream.JetStream, url string, pool *x509.CertPool) {
	t.Helper()
	pool, issue := authority(t)
	account := natsserver.NewAccount("APP")
	o := &natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 64 << 20,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{issue("server")}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13},
		TLSVerify: true, TLSTimeout: 10, AuthTimeout: 20, Accounts: []*natsserver.Account{account},
	}
	for name, p := range users {
		o.Users = append(o.Users, &natsserver.User{Username: name, Password: "secret", Account: account, Permissions: p})
	}
	s := run(t, o)
	own, err := s.LookupAccount("APP")
	if err == nil {
		err = own.EnableJetStream(nil, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	client := issue("client")
	return func(user string) jetstream.JetStream {
		t.Helper()
		return dial(t, s.ClientURL(), nats.UserInfo(user, "secret"),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
			nats.Secure(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{client}, MinVersion: tls.VersionTLS13}))
	}, s.ClientURL(), pool
}

// use does with a channel all that there is to do with its kind, as a user who
// may do no more than the list says: it sends one by one and many, waits for
// room, receives, acknowledges, reads the latest, closes and deletes. (In
// memory: a server that deletes a stream in files and makes it again, twice in
// some milliseconds, brings its values back; see docs/nats.md.)
func use(ctx context.Context, js jetstream.JetStream, kind natschan.Kind, lossless bool, replicas int) error {
	ch := natschan.Channel{
		Name: "orders", Kind: kind, Capacity: 2, Lossless: lossless,
		Storage: jetstream.MemoryStorage, Replicas: replicas,
	}
	tx, err := natschan.NewSender[int](ctx, js, ch)
	if err != nil {
		return err
	}
	defer tx.Close()
	var opts []natschan.ReceiverOption
	if lossless {
		opts = append(opts, natschan.Durable("worker"))
	}
	rx, err := natschan.NewReceiver[int](ctx, js, ch, opts...)
	if err != nil {
		return err
	}
	defer rx.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := tx.SendMany(ctx, []int{1, 2})
		for v := 3; v <= 6 && err == nil; v++ {
			err = tx.Send(ctx, v) // waits for room
		}
		sent <- errors.Join(err, tx.Close())
	}()
	for {
		m, err := rx.RecvMsg(ctx)
		var lag *leat.LaggedError
		switch {
		case err == nil:
			err = m.Ack()
		case errors.As(err, &lag):
			err = nil
		case errors.Is(err, leat.ErrClosed):
			_, err = natschan.Find(ctx, js, "orders")
			return errors.Join(<-sent, latest(ctx, rx, kind), rx.Close(), natschan.Forget(ctx, js, "orders", "worker"), err,
				natschan.DeleteEnded(ctx, js, "orders"), natschan.Delete(ctx, js, "orders"))
		}
		if err != nil {
			return err
		}
	}
}

// latest reads the newest value of a kind that keeps it.
func latest(ctx context.Context, rx *natschan.Receiver[int], kind natschan.Kind) error {
	if kind != natschan.Watch {
		return nil
	}
	v, err := rx.Get(ctx)
	if err == nil && v != 6 {
		err = fmt.Errorf("Get = %d, want 6", v)
	}
	return err
}

// useAll does with a channel of each kind all that there is to do.
func useAll(ctx context.Context, t *testing.T, js jetstream.JetStream, user string, replicas int) {
	t.Helper()
	for _, c := range []struct {
		kind     natschan.Kind
		lossless bool
	}{
		{natschan.MPSC, false}, {natschan.MPMC, false}, {natschan.Broadcast, false}, {natschan.Broadcast, true},
		{natschan.Watch, false},
	} {
		if err := use(ctx, js, c.kind, c.lossless, replicas); err != nil {
			t.Errorf("%v, lossless %v, user %s: %v", c.kind, c.lossless, user, err)
		}
	}
	if err := js.Conn().LastError(); err != nil {
		t.Errorf("user %s: the server refused something: %v", user, err)
	}
}

// Three servers, and users who may do what docs/nats.md lists, with what it
// adds for a channel with replicas. The test fails if a kind needs another
// permission; or if a user without the addition can close a channel, or gets an
// error that does not name the subject.
func TestPermissionsThatSufficeWithReplicas(t *testing.T) {
	t.Parallel()
	closing := oneChannel
	closing.Publish = &natsserver.SubjectPermission{
		Allow: append(slices.Clone(oneChannel.Publish.Allow), "$JS.API.STREAM.MSG.DELETE.LEAT_orders"),
	}
	c := startRawCluster(t, map[string]*natsserver.Permissions{
		"any": &anyChannel, "one": &closing, "without": &oneChannel,
	})
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c.do(ctx, t, "the cluster has leaders", func(ctx context.Context) error {
		_, err := c.js.CreateStream(ctx, jetstream.StreamConfig{Name: "probe", Replicas: 3})
		return err
	})
	for _, user := range []string{"any", "one"} {
		useAll(ctx, t, c.connect(t, user), user, 3)
	}
	err := use(ctx, c.connect(t, "without"), natschan.Watch, false, 3)
	if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), "STREAM.MSG.DELETE.LEAT_orders") {
		t.Errorf("without the permission: %v; want an error that names it", err)
	}
}

// A server with certificates on both sides, and users who may do what
// docs/nats.md lists and no more. It fails if a kind needs another permission,
// or if the server took somebody without a certificate, and so nothing was
// tried.
func TestPermissionsThatSuffice(t *testing.T) {
	connect, url, pool := guarded(t, map[string]*natsserver.Permissions{"any": &anyChannel, "one": &oneChannel})
	if _, err := nats.Connect(url, nats.UserInfo("any", "secret"), nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13})); err == nil {
		t.Error("a client without a certificate was let in")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, user := range []string{"any", "one"} {
		js := connect(user)
		useAll(ctx, t, js, user, 1)
	}
	js := connect("any")
	if _, err := natschan.List(ctx, js); err != nil {
		t.Error(err)
	}
	rx, err := natschan.NewOneshot[int](js.Conn())
	if err != nil {
		t.Fatal(err)
	}
	defer rx.Close()
	if err := natschan.OpenOneshot[int](js.Conn(), rx.Address()).Send(ctx, 7); err != nil {
		t.Error("oneshot:", err)
	}
}

// Each permission in turn is missing. It fails if the program is not told
// which, by an error that says so, within the time of an exchange, but waits or
// gets an error that does not name the subject.
func TestPermissionsMissing(t *testing.T) {
	t.Parallel()
	users := map[string]*natsserver.Permissions{}
	for _, allowed := range oneChannel.Publish.Allow {
		p := natsserver.Permissions{Publish: &natsserver.SubjectPermission{Allow: without(oneChannel.Publish.Allow, allowed)}, Subscribe: oneChannel.Subscribe}
		users["publish "+allowed] = &p
	}
	for _, allowed := range oneChannel.Subscribe.Allow {
		p := natsserver.Permissions{Publish: oneChannel.Publish, Subscribe: &natsserver.SubjectPermission{Allow: without(oneChannel.Subscribe.Allow, allowed)}}
		users["subscribe "+allowed] = &p
	}
	for user := range users {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			connect, _, _ := guarded(t, map[string]*natsserver.Permissions{user: users[user]})
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			kind, durable, began := natschan.MPSC, false, time.Now()
			switch {
			case strings.Contains(user, "DIRECT"):
				kind = natschan.Watch
			case strings.Contains(user, "STREAM.MSG.GET"):
				kind, durable = natschan.Broadcast, true
			}
			err := use(ctx, connect(user), kind, durable, 1)
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("after %v: %v; want an error that is ErrPermissionViolation", time.Since(began), err)
			}
			t.Logf("%v: %v", time.Since(began), err)
		})
	}
}

func without(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == one })
}
