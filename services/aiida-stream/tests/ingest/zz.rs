use crate::harness::{Grant, World, raw};
use std::time::Duration;
#[tokio::test(flavor = "multi_thread")]
async fn measure() {
    let world = World::start().await;
    let mut grants = Vec::new();
    for _ in 0..50 {
        grants.push(Grant::outbound().store(&world).await);
    }
    let child = world.child(&[]).await;
    let publisher = std::sync::Arc::new(world.broker.publisher());
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let mut all = tokio::task::JoinSet::new();
    for n in 0..1000u32 {
        tick.tick().await;
        for k in 0..10u32 {
            let g = &grants[(n as usize * 10 + k as usize) % 50];
            let (p, t, r) = (publisher.clone(), g.data(), raw(g, n * 10 + k));
            all.spawn(async move { p.send(&t, r).await });
        }
    }
    let started = std::time::Instant::now();
    all.join_all().await;
    world.until_stored(10_000).await;
    println!("drained {:?}", started.elapsed());
    for q in ["0.5", "0.9", "0.99", "1"] {
        println!("p{q}: {} ms", world.number(&format!("SELECT extract(epoch FROM percentile_disc({q}) WITHIN GROUP (ORDER BY received_at - sent_at)) * 1000 FROM aiida.message")).await);
    }
    println!(
        "batch seconds {} / {}",
        child.metric("aiida_stream_batch_seconds_sum").await,
        child.metric("aiida_stream_batch_seconds_count").await
    );
    println!(
        "commit seconds {} / {}",
        child.metric("aiida_stream_commit_seconds_sum").await,
        child.metric("aiida_stream_commit_seconds_count").await
    );
}
#[tokio::test(flavor = "multi_thread")]
async fn rate() {
    let world = World::start().await;
    let mut grants = Vec::new();
    for _ in 0..50 {
        grants.push(Grant::outbound().store(&world).await);
    }
    {
        let mut c = world.child(&[]).await;
        c.terminate();
    }
    let publisher = world.broker.publisher();
    for g in &grants {
        publisher
            .send_all(&g.data(), (0..400).map(|n| raw(g, n)).collect())
            .await;
    }
    let started = std::time::Instant::now();
    let child = world.child(&[]).await;
    println!("ready {:?}", started.elapsed());
    world.until_stored(20_000).await;
    println!(
        "20000 in {:?}; batches {} in {} s",
        started.elapsed(),
        child.metric("aiida_stream_batch_seconds_count").await,
        child.metric("aiida_stream_batch_seconds_sum").await
    );
}
