"""Pages: form, flow, template."""
