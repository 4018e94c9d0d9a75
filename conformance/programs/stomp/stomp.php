<?php
/*
 * PHP's Stomp extension (Debian's php-stomp) against the broker at 127.0.0.1:PORT, as web applications use it.
 *
 * usage: php stomp.php PORT NAME
 *
 * NAME: what the queues' and topics' names begin with. Prints a line for each part that works, and exits 1 with the reason
 * at the first that does not.
 */

[, $port, $name] = $argv;

function expect($what, $got, $wanted)
{
    if ($got === $wanted) return;
    fwrite(STDERR, "$what: " . var_export($got, true) . ' instead of ' . var_export($wanted, true) . "\n");
    exit(1);
}

function open($port, $headers = [])
{
    $client = new Stomp("tcp://127.0.0.1:$port", 'guest', 'guest', $headers);
    $client->setReadTimeout(10);
    return $client;
}

/* The bodies of the next frames. What is there is there at once: a wait for more of a frame would show as time. */
function bodies($client, $count)
{
    $bodies = [];
    while (count($bodies) < $count) {
        $frame = $client->readFrame();
        if ($frame === false) expect('messages', count($bodies), $count);
        $bodies[] = $frame->body;
    }
    return $bodies;
}

$versions = [
    '1.0' => [],
    '1.1' => ['accept-version' => '1.0,1.1', 'host' => '/'],
];
foreach ($versions as $version => $headers) {
    $began = microtime(true);
    $queue = "/queue/$name-$version";

    // Send first, consume later, and by another connection.
    $publisher = open($port, $headers);
    for ($i = 0; $i < 5; $i++) {
        expect('send', $publisher->send($queue, "m$i", ['persistent' => 'true', 'receipt' => "sent-$i", 'own' => 'a']), true);
    }
    unset($publisher);

    $consumer = open($port, $headers);
    $consumer->subscribe($queue, ['id' => '1', 'ack' => 'client', 'receipt' => 'subscribed']);
    $first = $consumer->readFrame();
    expect('body', $first->body, 'm0');
    expect('header', $first->headers['own'] ?? null, 'a');
    expect('destination', $first->headers['destination'] ?? null, $queue);
    $ids = $version === '1.0' ? [] : ['subscription' => '1'];
    expect('ack', $consumer->ack($first, $ids + ['receipt' => 'acknowledged']), true);
    $rest = [];
    while (count($rest) < 4) {
        $frame = $consumer->readFrame();
        $rest[] = $frame->body;
        $consumer->ack($frame, $ids);
    }
    expect('rest', $rest, ['m1', 'm2', 'm3', 'm4']);

    // A body of any bytes needs its length.
    $binary = "\0\1\n\xff\0";
    $consumer->send($queue, $binary, ['content-length' => (string) strlen($binary), 'receipt' => 'binary']);
    $frame = $consumer->readFrame();
    expect('binary', $frame->body, $binary);
    $consumer->ack($frame, $ids);

    // Transactions: what is aborted does not arrive, what is committed does.
    $consumer->begin('t1', ['receipt' => 'begun']);
    $consumer->send($queue, 'undone', ['transaction' => 't1']);
    $consumer->abort('t1', ['receipt' => 'aborted']);
    $consumer->begin('t2');
    $consumer->send($queue, 'kept', ['transaction' => 't2']);
    $consumer->commit('t2', ['receipt' => 'committed']);
    $frame = $consumer->readFrame();
    expect('committed', $frame->body, 'kept');
    // By its id: an ACK made of the whole frame repeats its headers, of which RabbitMQ leaves the ended transaction's name in.
    $consumer->ack($frame->headers['message-id'], $ids);
    expect('unsubscribe', $consumer->unsubscribe($queue, ['id' => '1', 'receipt' => 'unsubscribed']), true);
    $consumer->setReadTimeout(0, 100000);
    expect('no more', $consumer->hasFrame(), false);
    unset($consumer);

    // Many small messages one after the other: none may wait for the next.
    $topic = "/topic/$name-$version";
    $subscriber = open($port, $headers);
    $subscriber->subscribe($topic, ['id' => '2', 'receipt' => 'listening']);
    $publisher = open($port, $headers);
    for ($i = 0; $i < 200; $i++) $publisher->send($topic, (string) $i);
    expect('topic', bodies($subscriber, 200), array_map('strval', range(0, 199)));
    unset($publisher, $subscriber);

    // What a lost connection held comes again.
    $publisher = open($port, $headers);
    $publisher->send($queue, 'again', ['persistent' => 'true', 'receipt' => 'sent']);
    $consumer = open($port, $headers);
    $consumer->subscribe($queue, ['id' => '1', 'ack' => 'client']);
    expect('held', $consumer->readFrame()->body, 'again');
    unset($consumer);
    $consumer = open($port, $headers);
    $consumer->subscribe($queue, ['id' => '1', 'ack' => 'client']);
    $frame = $consumer->readFrame();
    expect('again', [$frame->body, $frame->headers['redelivered'] ?? null], ['again', 'true']);
    $consumer->ack($frame, $ids + ['receipt' => 'done']);
    unset($publisher, $consumer);

    expect('time', microtime(true) - $began < 8, true);
    echo "ok $version\n";
}

// What is refused is told, and the connection can be opened again.
$client = open($port);
expect('refused', $client->commit('unknown', ['receipt' => 'r']), false);
expect('why', is_string($client->error()), true);
expect('reopened', open($port)->send("/queue/$name-1.0", 'x', ['receipt' => 'r']), true);
echo "ok refused\n";
