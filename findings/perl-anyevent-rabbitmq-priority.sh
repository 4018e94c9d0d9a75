#!/usr/bin/env bash
# Perl's AnyEvent::RabbitMQ gives every message priority 1 and a user-id, and makes numbers in headers text.
#
# Package:  Debian 12: libanyevent-rabbitmq-perl 1.22, python3-pika 1.2.0, rabbitmq-server 3.10.8
# Guess:    A message has the properties that the program gives it, and no others: none here.
# Seen:     priority 1, user_id (the login), delivery_mode 1 and a content type are added. So in a queue with x-max-priority such a
#           message overtakes what other clients sent before it without a priority; and a program that sends on what it received, logged in
#           as another user, is refused for the user-id. The header 5 is the text "5": a headers binding for the number does not match,
#           though a number within a list stays one.
# Use:      findings/perl-anyevent-rabbitmq-priority.sh     exits 0 while that is so, 1 when it has changed, 2 when it cannot be tried
#           A RabbitMQ must be running on 127.0.0.1:5672, with guest/guest (PORT=... for another port).
set -eu
perl -MAnyEvent::RabbitMQ -e 1 2>/dev/null || { echo "not installed: libanyevent-rabbitmq-perl"; exit 2; }
/usr/bin/python3 -c 'import pika' 2>/dev/null || { echo "not installed: python3-pika"; exit 2; }
export PORT=${PORT:-5672} QUEUE="perl-$$"
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cat >"$dir/send.pl" <<'PERL'
use strict; use warnings; use AnyEvent; use AnyEvent::RabbitMQ;
my $done = AE::cv;
my $failed = sub { $done->send("failed: @_") };
my $client = AnyEvent::RabbitMQ->new->load_xml_spec();
$client->connect(host => '127.0.0.1', port => $ENV{PORT}, user => 'guest', pass => 'guest', vhost => '/', timeout => 5,
  on_failure => $failed, on_read_failure => $failed, on_return => sub {}, on_close => sub {},
  on_success => sub { shift->open_channel(on_failure => $failed, on_close => sub {}, on_success => sub {
    my $channel = shift;
    $channel->publish(exchange => '', routing_key => $ENV{QUEUE}, body => 'perl', header => { headers => { number => 5, list => [5] } });
    # The passive declaration is answered after the message.
    $channel->declare_queue(queue => $ENV{QUEUE}, passive => 1, on_failure => $failed, on_success => sub { $done->send('') });
  }) });
my $said = $done->recv;
die $said if $said;
PERL
cat >"$dir/read.py" <<'PYTHON'
import logging, os, subprocess, sys, time, pika

logging.disable(logging.CRITICAL)
try: connection = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', int(os.environ['PORT'])))
except pika.exceptions.AMQPConnectionError: sys.exit(2)
channel = connection.channel()
queue = os.environ['QUEUE']
channel.queue_declare(queue, arguments={'x-max-priority': 5})
channel.confirm_delivery()
channel.basic_publish('', queue, b'first, without a priority')
subprocess.run(['perl', 'send.pl'], cwd=sys.argv[1], check=True, timeout=20)
_, properties, body = channel.basic_get(queue, auto_ack=True)
print('taken first:', body.decode())
print('priority', properties.priority, 'user_id', properties.user_id, 'delivery_mode', properties.delivery_mode)
print('headers', repr(properties.headers['number']), properties.headers['list'])
channel.queue_delete(queue)
PYTHON
code=0; timeout 40 /usr/bin/python3 "$dir/read.py" "$dir" >"$dir/seen" 2>"$dir/error" || code=$?
[ "$code" -ne 2 ] || { echo "no RabbitMQ"; exit 2; }
perl -MAnyEvent::RabbitMQ -e 'print "AnyEvent::RabbitMQ ", AnyEvent::RabbitMQ->VERSION, "\n"'
cat "$dir/seen"
[ "$(cat "$dir/seen")" = "$(printf '%s\n' 'taken first: perl' 'priority 1 user_id guest delivery_mode 1' "headers '5' [5]")" ] ||
  { tail -n 5 "$dir/error"; echo "changed"; exit 1; }
echo "as found: it has a priority and a user-id that nobody gave it, and overtakes"
