module github.com/leat-go/leat/examples

go 1.25.0

require (
	github.com/chromedp/chromedp v0.14.2
	github.com/leat-go/leat v0.0.0
	github.com/leat-go/leat/dev v0.0.0
	github.com/leat-go/leat/natschan v0.0.0
	github.com/leat-go/leat/natsembed v0.0.0
	github.com/nats-io/nats.go v1.53.1
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.7.2-default-no-op // indirect
	github.com/chromedp/cdproto v0.0.0-20250724212937-08a3db8b4327 // indirect
	github.com/chromedp/sysutil v1.1.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20250725192818-e39067aee2d2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/pool v0.2.1 // indirect
	github.com/gobwas/ws v1.4.0 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nats-server/v2 v2.14.5 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace (
	github.com/leat-go/leat => ../
	github.com/leat-go/leat/dev => ../dev
	github.com/leat-go/leat/natschan => ../natschan
	github.com/leat-go/leat/natsembed => ../natsembed
)
