//! The wasmtime engine: pooled instances, a code cache on disk, and a clock that
//! makes every guest give way.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::settings::Limits;

/// How often a running guest gives way to others.
const TICK: Duration = Duration::from_millis(10);
/// Memory that a freed slot keeps, so that the next instance finds its pages there:
/// at 0 a fresh instance costs 2.6 times as much.
const KEEP_RESIDENT: usize = 2 * 1024 * 1024;
/// Room for instances that wait for their next request, beside those at work.
const IDLE_SLOTS: u32 = 512;
/// Core modules, memories and tables of one component: the SDK's have 4, 1 and 3.
const MODULES_PER_COMPONENT: u32 = 8;

/// Builds the engine and starts its clock, which ends with the engine.
pub(crate) fn engine(limits: &Limits, cache_dir: &Path) -> Result<Engine> {
    let cache = cache(cache_dir)?;
    let pooled = configuration(&cache, Some(pool(limits)));
    let engine = match Engine::new(&pooled) {
        Ok(engine) => engine,
        // The pool reserves terabytes of addresses, which not every machine grants.
        Err(error) => {
            tracing::warn!(%error, "no pool of instances: each is allocated by itself");
            Engine::new(&configuration(&cache, None))?
        }
    };
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("ota-host-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .context("cannot start the thread that interrupts guests")?;
    Ok(engine)
}

fn configuration(cache: &Cache, pool: Option<PoolingAllocationConfig>) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config.cache(Some(cache.clone()));
    if let Some(pool) = pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

fn cache(folder: &Path) -> Result<Cache> {
    let folder = std::path::absolute(folder)?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the code cache {}", folder.display()))?;
    let mut config = CacheConfig::new();
    config.with_directory(&folder);
    Cache::new(config)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("cannot use the code cache {}", folder.display()))
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits.instances.saturating_add(IDLE_SLOTS);
    let modules = instances.saturating_mul(MODULES_PER_COMPONENT);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(modules)
        .total_tables(modules)
        .total_memories(instances)
        .total_stacks(instances)
        .max_memory_size(limits.memory)
        .linear_memory_keep_resident(KEEP_RESIDENT);
    pool
}
