"""What happens beside the updates: snapshots, logs, plots, previews, guards."""
