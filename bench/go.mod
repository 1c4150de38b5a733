module github.com/leat-go/leat/bench

go 1.25

require (
	github.com/creachadair/jrpc2 v1.3.3
	github.com/cskr/pubsub/v2 v2.0.2
	github.com/dustin/go-broadcast v0.0.0-20171205050544-f664265f5a66
	github.com/leat-go/leat v0.0.0
	github.com/puzpuzpuz/xsync/v4 v4.5.0
	github.com/smallnest/chanx v1.2.0
	google.golang.org/grpc v1.80.0
)

require (
	github.com/creachadair/mds v0.25.4 // indirect
	golang.org/x/net v0.49.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/sys v0.40.0 // indirect
	golang.org/x/text v0.33.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260120221211-b8f7ae30c516 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace github.com/leat-go/leat => ../
