#!/usr/bin/perl
# Perl's Net::Stomp (Debian's libnet-stomp-perl) against the broker at 127.0.0.1:PORT, as batch jobs use it: STOMP 1.0.
#
# usage: perl stomp.pl PORT NAME [late]
#
# NAME: what the queues' and topics' names begin with. late: the broker gives the receipt for a SEND in a transaction with
# its COMMIT, for which `send_transactional` waits before it sends the COMMIT: without end. Prints a line for each part that works, and exits 1 with the reason
# at the first that does not.

use strict;
use warnings;
use Net::Stomp;
use Log::Any::Adapter ('Stderr', log_level => 'critical');

my ($port, $name, $late) = @ARGV;

sub expect {
    my ($what, $got, $wanted) = @_;
    return if defined $got && $got eq $wanted;
    print STDERR "$what: " . ($got // 'nothing') . " instead of $wanted\n";
    exit 1;
}

sub open_client {
    my (%headers) = @_;
    my $client = Net::Stomp->new({ hostname => '127.0.0.1', port => $port });
    my $frame = $client->connect({ login => 'guest', passcode => 'guest', %headers });
    expect('connect', $frame->command, 'CONNECTED');
    return $client;
}

# The next MESSAGE, acknowledged.
sub message {
    my ($client) = @_;
    my $frame = $client->receive_frame({ timeout => 10 });
    expect('frame', $frame && $frame->command, 'MESSAGE');
    $client->ack({ frame => $frame });
    return $frame;
}

my $queue = "/queue/$name";
my $client = open_client();

# Receipts for messages, in the library's own way.
for my $i (0 .. 4) {
    expect('receipt', $client->send_with_receipt({ destination => $queue, body => "m$i", persistent => 'true', own => 'a' }), 1);
}
my $send = $late ? 'send_with_receipt' : 'send_transactional';
expect('transaction', $client->$send({ destination => $queue, body => 'm5', persistent => 'true' }), 1);
print "ok receipts\n";

$client->subscribe({ destination => $queue, ack => 'client', id => 's', 'activemq.prefetchSize' => 1, 'prefetch-count' => 1 });
for my $i (0 .. 5) {
    my $frame = message($client);
    expect('body', $frame->body, "m$i");
    expect('header', $frame->headers->{own}, 'a') if $i < 5;
}
my $bytes = "\0\1\n\xff\0";
$client->send({ destination => $queue, body => $bytes, bytes_message => 1 });
expect('bytes', unpack('H*', message($client)->body), unpack('H*', $bytes));
$client->send({ destination => $queue, body => 'text', 'content-type' => 'text/plain' });
expect('type', message($client)->headers->{'content-type'}, 'text/plain');
$client->unsubscribe({ destination => $queue, id => 's' });
print "ok queue\n";

# What a lost connection held comes again.
$client->subscribe({ destination => $queue, ack => 'client', id => 's' });
$client->send_with_receipt({ destination => "$queue-other", body => 'x' });
my $publisher = open_client();
$publisher->send_with_receipt({ destination => $queue, body => 'again', persistent => 'true' });
expect('held', $client->receive_frame({ timeout => 10 })->body, 'again');
$client->socket->close;
$client = open_client();
$client->subscribe({ destination => $queue, ack => 'client', id => 's' });
my $frame = message($client);
expect('again', join(' ', $frame->body, $frame->headers->{redelivered}), 'again true');
print "ok again\n";

# Topics: two subscribers, in order.
my @subscribers = map { open_client() } 1 .. 2;
for my $subscriber (@subscribers) {
    $subscriber->subscribe({ destination => "/topic/$name.*", id => 't' });
    # Its receipt says that the subscription before it is there.
    $subscriber->send_with_receipt({ destination => "$queue-other", body => 'x' });
}
$publisher->send({ destination => "/topic/$name.a", body => $_ }) for 1 .. 200;
for my $subscriber (@subscribers) {
    my @bodies = map { my $f = $subscriber->receive_frame({ timeout => 10 }); $f ? $f->body : 'nothing' } 1 .. 200;
    expect('topic', "@bodies", join(' ', 1 .. 200));
    $subscriber->disconnect;
}
print "ok topic\n";

# A durable subscription, as RabbitMQ has it or as ActiveMQ has it: each broker passes over the other's words.
my %durable = (
    destination => "/topic/$name.durable", id => 'd', durable => 'true', 'auto-delete' => 'false',
    # Acknowledged, because `disconnect` does not wait until the broker has taken it.
    ack => 'client', 'activemq.subscriptionName' => $name,
);
my $reader = open_client('client-id' => $name);
$reader->subscribe({%durable});
$reader->send_with_receipt({ destination => "$queue-other", body => 'x' });
$reader->disconnect;
$publisher->send_with_receipt({ destination => "/topic/$name.durable", body => 'kept', persistent => 'true' });
$reader = open_client('client-id' => $name);
$reader->subscribe({%durable});
expect('durable', message($reader)->body, 'kept');
$reader->disconnect;
$publisher->disconnect;
print "ok durable\n";
