"""REST: parse, flow, schema; nothing else."""
